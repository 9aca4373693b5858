// A page of a run: some hundreds of records in the order of their ids, as few bits as they say.
//
// Ids: random ones lie about evenly, so what the first bits of a sorted row say is nearly known, and the rest is not:
// Elias and Fano's encoding (1974, 1971) takes about two bits above that rest, and never much more, whatever the ids.
// What most records say alike (verdict, cause, policy, votes) stands once, in a table of the page. Numbers are columns
// of one width, with the few that need more patched in ("PFOR" of Zukowski, Héman, Nes and Boncz, 2006).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/contract/decision_store.h"

namespace backstitch::store::decisions {

// Appends the page of `records`: 1 to kPageRecordsMax, sorted by id, as model::as_kept has them (asserted).
void encode_page(std::span<const DecisionRecord> records, std::string& out);

// `first` is the id of the first record, which the page itself does not say. Corrupt where the checksum or anything
// else is wrong; any bytes may be given.
base::Result<std::vector<DecisionRecord>> decode_page(std::string_view bytes, const model::TraceId& first);

// Appends the records of `id`, decoding no more than the ids where there are none. Otherwise as decode_page.
base::Result<> find_in_page(std::string_view bytes, const model::TraceId& first, const model::TraceId& id,
                            std::vector<DecisionRecord>& found);

}  // namespace backstitch::store::decisions
