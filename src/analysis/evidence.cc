// SPDX-License-Identifier: Apache-2.0
#include "analysis/evidence.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace stile::analysis {

namespace {

constexpr size_t kLongestPath = 200;  // functions; of a longer one its ends are shown

std::string_view root_name(RootKind kind) {
  switch (kind) {
    case RootKind::Main: return "main";
    case RootKind::Runtime: return "program entry";
    case RootKind::Initialiser: return "package initialiser";
    case RootKind::Library: return "library initialiser";
    case RootKind::Data: return "function value in data";
    case RootKind::Table: return "method table";
    case RootKind::Kept: return "kept since before the program's entry point";
    case RootKind::None: break;
  }
  return "";
}

std::string_view edge_name(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::Call: return "";
    case EdgeKind::Jump: return "tail call";
    case EdgeKind::Fall: return "runs on into";
    case EdgeKind::Address: return "address taken";
    case EdgeKind::Closure: return "function value";
    case EdgeKind::Interface: return "interface table";
    case EdgeKind::Data: return "function pointer in data";
  }
  return "";
}

}  // namespace

// From the root to `function`.
std::vector<FunctionId> EvidenceBuilder::chain_to(FunctionId function) const {
  std::vector<FunctionId> chain{function};
  while (reach_.arrival[chain.back()].from != kNoFunction) chain.push_back(reach_.arrival[chain.back()].from);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

Frame EvidenceBuilder::frame_of(FunctionId function, uint64_t address) const {
  Frame frame;
  frame.function = program_.name_of(function);
  frame.package = program_.package_of(function);
  frame.module = program_.module_label(function);
  frame.address = address - program_.objects[program_.functions[function].object].bias;
  const go::LineInfo line = program_.line_of(address);
  frame.file = std::string(line.file);
  frame.line = line.line;
  return frame;
}

std::vector<std::pair<FunctionId, uint64_t>> EvidenceBuilder::wrapper_chain(const Request& request) const {
  const FunctionId start = request.found.function, goal = request.site.function;
  if (start == goal) return {{goal, request.site.address}};
  // Breadth first over calls, through functions that pass the number on.
  const auto passes = [&](FunctionId id) {
    return std::binary_search(request.wrappers->begin(), request.wrappers->end(), id) || id == goal;
  };
  std::map<FunctionId, std::pair<FunctionId, uint64_t>> came_from;  // function -> (caller, call)
  std::deque<FunctionId> work{start};
  while (!work.empty() && !came_from.contains(goal)) {
    const FunctionId id = work.front();
    work.pop_front();
    for (const Edge& edge : references_.from(id)) {
      if (takes_address(edge.kind) || !passes(edge.to)) continue;
      if (edge.to == start || came_from.contains(edge.to)) continue;
      came_from[edge.to] = {id, program_.functions[id].start + edge.offset};
      work.push_back(edge.to);
    }
  }
  std::vector<std::pair<FunctionId, uint64_t>> chain{{goal, request.site.address}};
  for (auto it = came_from.find(goal); it != came_from.end(); it = came_from.find(chain.back().first)) {
    chain.push_back(it->second);
    if (it->second.first == start) break;
  }
  // A number that travels through memory leaves no calls to follow: name the two ends.
  if (chain.back().first != start) chain.emplace_back(start, request.found.address);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

Evidence EvidenceBuilder::path_of(const Request& request, const std::vector<FunctionId>& chain) const {
  Evidence evidence;
  evidence.kind = EvidenceKind::CallPath;
  evidence.root = root_name(reach_.root_kind[chain.front()]);
  if (evidence.root == "program entry" && program_.functions[chain.front()].is_go) evidence.root = "Go runtime";
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    const Arrival& next = reach_.arrival[chain[i + 1]];
    Frame frame = frame_of(chain[i], program_.functions[chain[i]].start + next.offset);
    frame.via = edge_name(next.kind);
    if (i + 1 == kLongestPath / 2 && chain.size() > kLongestPath) {
      const size_t left_out = chain.size() - kLongestPath;
      frame.via = std::to_string(left_out) + " calls not shown";
      i += left_out;
    }
    evidence.frames.push_back(std::move(frame));
  }
  for (const auto& [function, address] : wrapper_chain(request)) evidence.frames.push_back(frame_of(function, address));
  return evidence;
}

// A function that is not the standard library's and not C can bring a call in.
bool EvidenceBuilder::brings(FunctionId function) const {
  if (!program_.functions[function].is_go) return false;
  const std::string package = program_.package_of(function);
  return !package.empty() && !go::is_standard_library(package);
}

EvidenceBuilder::EvidenceBuilder(const Program& program, const References& references, const Reach& reach)
    : program_(program), references_(references), reach_(reach) {
  const size_t count = program.functions.size();
  roots_.assign(count, kNoFunction);
  depths_.assign(count, 0);
  bringers_.assign(count, kNoFunction);
}

void EvidenceBuilder::locate(FunctionId function) {
  // Up to the first function whose place is known, and down again.
  std::vector<FunctionId> chain;
  for (FunctionId at = function; at != kNoFunction && roots_[at] == kNoFunction; at = reach_.arrival[at].from) {
    chain.push_back(at);
  }
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    const FunctionId from = reach_.arrival[*it].from;
    roots_[*it] = from == kNoFunction ? *it : roots_[from];
    depths_[*it] = from == kNoFunction ? 1 : depths_[from] + 1;
    bringers_[*it] = brings(*it) ? *it : from == kNoFunction ? kNoFunction : bringers_[from];
  }
}

void EvidenceBuilder::explain(const std::vector<Request>& requests, bool paths, unsigned max_paths, SyscallUse& use) {
  struct Candidate {
    const Request* request;
    FunctionId function;
    std::string package;
  };
  std::set<std::string> packages, bringers;
  std::set<std::pair<FunctionId, uint64_t>> places;
  std::vector<Candidate> candidates;
  for (const Request& request : requests) {
    if (!places.emplace(request.found.function, request.found.address).second) continue;
    const FunctionId function = request.found.function;
    locate(function);
    std::string package = program_.package_of(function);
    if (!package.empty()) packages.insert(package);
    if (bringers_[function] != kNoFunction) bringers.insert(program_.package_of(bringers_[function]));
    candidates.push_back({&request, function, std::move(package)});
  }
  use.sites = static_cast<uint32_t>(places.size());
  use.packages.assign(packages.begin(), packages.end());
  use.brought_by.assign(bringers.begin(), bringers.end());
  if (!paths) return;
  const auto rank = [&](const Candidate& candidate) {
    const RootKind kind = reach_.root_kind[roots_[candidate.function]];
    return std::make_tuple(kind, depths_[candidate.function], candidate.request->found.address);
  };
  std::sort(candidates.begin(), candidates.end(),
            [&](const Candidate& a, const Candidate& b) { return rank(a) < rank(b); });
  std::set<std::string> shown;
  for (const Candidate& candidate : candidates) {
    if (use.because.size() >= max_paths) break;
    if (!shown.insert(candidate.package).second) continue;
    use.because.push_back(path_of(*candidate.request, chain_to(candidate.function)));
  }
}

}  // namespace stile::analysis
