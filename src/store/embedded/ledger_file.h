// A ledger's journal on the local disk: one file for each, data/ledger/errors, data/ledger/spans and
// data/ledger/sampler.
// docs/formats/ledger.md has its bytes.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "store/contract/ledger_journal.h"

namespace backstitch::store {

// Makes directory and file where they are missing. A record that was torn by a crash, and what comes behind it, is
// passed over and written over. Unsupported where another version wrote the file; Io, NoSpace. The caller sees to it
// that no other process uses the directory. `files` outlives it.
base::Result<std::unique_ptr<LedgerJournal>> open_ledger_journal(base::FileSystem& files, const std::string& directory,
                                                                 const std::string& name = "errors");

}  // namespace backstitch::store
