// SPDX-License-Identifier: Apache-2.0
//
// Counts on their way to becoming a Trace: by numbers, which become names at the end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <stile/trace.h>

namespace stile::live {

class TraceCounts {
 public:
  explicit TraceCounts(TraceBy by) : by_(by) {}

  // What a thread that makes calls is. What `by` does not ask for is left out of account.
  struct Group {
    std::string program;
    bool main = false;
    int pid = 0;
    int tid = 0;
    std::string comm;
  };
  // As a filter sees it.
  struct Call {
    uint32_t audit_arch = 0;
    uint32_t number = 0;
    bool operator==(const Call&) const = default;
  };
  // The number of a group, for the functions below.
  uint32_t group(const Group& group);

  // A call begins.
  void enter(uint32_t group, const Call& call) { ++count(group, call).calls; }
  // It came back with this, after that many nanoseconds if that is known.
  void leave(uint32_t group, const Call& call, bool error, std::optional<uint64_t> nanoseconds);
  void add(uint32_t group, const Call& call, const CallCount& count);
  void argument(uint32_t group, const Call& call, uint32_t value);
  // Records the value of the argument that is watched, if one is. `args` as a filter sees them.
  void arguments(uint32_t group, const Call& call, const Arguments& args);
  void add_lost(uint64_t events) { lost_ += events; }

  TraceProgress progress() const;
  TraceBy by() const { return by_; }
  // Names instead of numbers, groups in order.
  Trace finish() const;

 private:
  struct Hash {
    size_t operator()(const std::pair<uint32_t, Call>& key) const {
      return std::hash<uint64_t>()((uint64_t{key.first} << 32 | key.second.number) * 0x9e3779b97f4a7c15u ^
                                   key.second.audit_arch);
    }
    size_t operator()(const Call& call) const { return (*this)({0, call}); }
  };
  CallCount& count(uint32_t group, const Call& call);

  TraceBy by_;
  std::map<std::tuple<std::string, int, int, std::string>, uint32_t> numbers_;
  std::vector<Group> groups_;
  std::unordered_map<std::pair<uint32_t, Call>, CallCount, Hash> counts_;
  std::unordered_map<Call, std::optional<uint8_t>, Hash> watched_;
  uint64_t lost_ = 0;
};

// The file a process executes, links resolved; empty if that cannot be seen.
std::string program_of(int tid);
// A path as some process said it, links resolved if it leads anywhere from here.
std::string resolved(const std::string& path);
std::string comm_of(int tid);

}  // namespace stile::live
