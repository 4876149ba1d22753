// SPDX-License-Identifier: Apache-2.0
//
// Counts refusals by call and place, and describes each the first time.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <stile/live.h>

#include "live/call_stack.h"

namespace stile::live {

class Refusals {
 public:
  // Counts a call that waits for its verdict. Gives the refusal when its call and place are new, else null;
  // it stays valid until the next call. `still_waiting` says whether what was read up to then was that
  // thread's, and not of another that got its id.
  Refusal* add(int tid, const Event& event, Action action, const std::function<bool()>& still_waiting);

  uint64_t total() const { return total_; }
  // The distinct ones, most frequent first.
  std::vector<Refusal> take();

 private:
  // Thread, instruction, /proc/TID/exe: the mapping around it stays what it is until the thread executes
  // another program.
  using ThreadPlace = std::tuple<int, uint64_t, std::string>;
  using Key =
      std::tuple<uint32_t, uint32_t, uint32_t, uint64_t, uint64_t>;  // arch, number, module, site, caller

  const std::vector<Mapping>& mappings_of(int tid, uint64_t pc);

  CallStacks stacks_;
  std::map<ThreadPlace, std::vector<Mapping>> mappings_;
  std::map<Key, size_t> known_;
  std::vector<Refusal> list_;
  uint64_t total_ = 0;
};

}  // namespace stile::live
