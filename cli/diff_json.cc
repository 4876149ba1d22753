// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "diff_text.h"

namespace stile::cli {
namespace {

using nlohmann::ordered_json;

ordered_json event_json(const std::string& call, const std::string& arch, const Event& event) {
  return {{"call", call_text(call, event)}, {"arch", arch}, {"number", event.number}, {"args", event.args}};
}

ordered_json because_json(const Difference& one) {
  ordered_json because = ordered_json::array();
  for (const Evidence& evidence : one.because) {
    ordered_json frames = ordered_json::array();
    for (const Frame& frame : evidence.frames) {
      frames.push_back({{"function", frame.function},
                        {"package", frame.package},
                        {"module", frame.module},
                        {"file", frame.file},
                        {"line", frame.line},
                        {"via", frame.via}});
    }
    because.push_back({{"kind", to_string(evidence.kind)},
                       {"root", evidence.root},
                       {"note", evidence.note},
                       {"frames", frames}});
  }
  return because;
}

}  // namespace

std::string diff_json(const Diff& diff, const DiffNames& names) {
  ordered_json document = {{"schema", 1},         {"before", names.before}, {"after", names.after},
                           {"same", diff.same()}, {"wider", diff.wider},    {"narrower", diff.narrower}};
  ordered_json calls = ordered_json::array();
  for (const Difference& one : diff.calls) {
    ordered_json regions = ordered_json::array();
    for (const Region& region : one.regions) {
      regions.push_back({{"when", to_string(region.when)},
                         {"before", to_string(region.before)},
                         {"after", to_string(region.after)},
                         {"witness", event_json(one.call, one.arch, region.witness)}});
    }
    calls.push_back({{"change", to_string(one.change)},
                     {"name", one.call},
                     {"number", one.number},
                     {"arch", one.arch},
                     {"regions", regions},
                     {"brought_by", one.brought_by},
                     {"packages", one.packages},
                     {"because", because_json(one)}});
  }
  document["syscalls"] = std::move(calls);
  ordered_json unlisted = ordered_json::array();
  for (const UnlistedDifference& one : diff.unlisted) {
    unlisted.push_back({{"arch", one.arch},
                        {"before", to_string(one.before)},
                        {"after", to_string(one.after)},
                        {"syscalls", one.calls},
                        {"unknown", one.unknown},
                        {"witness", {{"number", one.witness.number}, {"audit_arch", one.witness.arch}}}});
  }
  document["unlisted"] = std::move(unlisted);
  ordered_json paths = ordered_json::array();
  for (const PathDifference& one : diff.paths)
    paths.push_back({{"path", one.path}, {"before", one.before}, {"after", one.after}});
  document["paths"] = std::move(paths);
  ordered_json gaps = ordered_json::array();
  for (const Gap& gap : diff.new_gaps)
    gaps.push_back(
        {{"kind", to_string(gap.kind)}, {"function", gap.function}, {"what", gap.what}, {"hint", gap.hint}});
  document["new_gaps"] = std::move(gaps);
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace stile::cli
