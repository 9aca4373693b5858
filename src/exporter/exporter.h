// Where kept traces go on a node that only samples: to somebody's backend over OTLP, and into no store of ours. To the
// path it is a store. An append is done when the traces lie in a queue on this node's disk and that they do is noted;
// then the log may forget them, and a thread brings them to the backend for as long as it takes. Asked for traces it
// has none: only those that are open can be shown.
//
//   auto exporter = Exporter::start({.connection = {.endpoint = *endpoint}, .directory = "data/export"},
//                                   {files, clock, metrics, journal, [&] { return log->first_sequence(); }});
//   exporter->append(batch);   // as TraceStore has it
//
// Traces leave as slices of the bytes in which they came, whole, several to a request; one that is larger than a
// request may be is cut between spans. Everything arrives at least once: after a killed process, requests that were
// under way come again, and so does a batch of which the process was just taking note.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "base/time.h"
#include "exporter/backend.h"
#include "net/grpc_client.h"
#include "route/durable_queue.h"
#include "store/contract/ledger_journal.h"
#include "store/contract/trace_store.h"

namespace backstitch::exporter {

struct ExporterOptions {
  Connection connection;
  net::GrpcMetadata headers;                                                 // names in lower case
  size_t connections = 2;                                                    // as many requests are under way at once
  uint64_t request_bytes_max = 2 << 20;                                      // backends take 4 MiB over gRPC by default
  route::DurableQueueOptions queue;                                          // its directory and bounds
  std::function<void(const std::string&)> tell = [](const std::string&) {};  // as SenderOptions has it
};

// All outlive it.
struct ExporterWorld {
  base::FileSystem& files;
  const base::Clock& clock;
  base::Metrics& metrics;
  store::LedgerJournal& journal;  // of what was handed on: HandedOn
  std::function<uint64_t()>
      oldest_in_log{};  // no record of the log has a lower sequence. Called once there are appends
};

// Metrics: backstitch_export_traces, backstitch_export_cut_traces, backstitch_export_remembered_traces; those of the
// queue with {queue="export"}; those of Sender; those of MemberLink as backstitch_export_…{backend}.
class Exporter : public store::TraceStore {
 public:
  // Finds what waits in the queue and begins to send it. Errors of DurableQueue::open; Corrupt.
  static base::Result<std::unique_ptr<Exporter>> start(ExporterOptions options, ExporterWorld world);

  // Blocks until all that was appended has arrived, at most `wait`; Unavailable says how much waits.
  virtual base::Result<> flush(base::Duration wait) = 0;
  virtual std::string backend() const = 0;
};

}  // namespace backstitch::exporter
