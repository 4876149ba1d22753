// SPDX-License-Identifier: Apache-2.0
#include "analysis/generated_code.h"

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <set>

#include "runtime/glibc.h"
#include "runtime/musl.h"

namespace stile::analysis {

namespace {

// Of these three the third argument is the protection (mm/mprotect.c, arch/x86/kernel/sys_x86_64.c).
constexpr std::string_view kCalls[] = {"mmap", "mprotect", "pkey_mprotect"};

constexpr uint64_t kMostProtection = 0xff;  // include/uapi/asm-generic/mman-common.h, but for flags that only mean stacks

std::set<uint64_t> sites_of_several_calls(const Numbers& numbers) {
  std::map<uint64_t, Numbers::Key> first;
  std::set<uint64_t> several;
  for (const auto& [key, requests] : numbers.calls) {
    for (const Request& request : requests) {
      if (first.try_emplace(request.site.address, key).first->second != key) several.insert(request.site.address);
    }
  }
  return several;
}

// The dynamic linker maps code that is in files, and thread stacks are as executable as the file says: neither makes code.
bool maps_for_others(const Object& object) {
  return object.is_interpreter || glibc::is_library(object.image) || musl::is_library(object.image);
}

}  // namespace

std::vector<Found> find_generated_code(const Program& program, const References& references, const Reach& reach, const Numbers& numbers) {
  std::vector<Found> places;
  const std::set<uint64_t> shared_sites = sites_of_several_calls(numbers);
  ValueSolver solver(program, references, reach.liveness);
  for (const std::string_view name : kCalls) {
    const auto number = arch::syscall_number(arch::ArchId::X86_64, name);
    const auto asked = number ? numbers.calls.find({arch::ArchId::X86_64, *number}) : numbers.calls.end();
    if (asked == numbers.calls.end()) continue;
    std::set<uint64_t> seen;
    for (const Request& request : asked->second) {
      // Behind a site that makes other calls too (syscall(2)) stand their arguments as well.
      if (shared_sites.contains(request.site.address) || !seen.insert(request.site.address).second) continue;
      for (const Found& found : solver.argument_at(request.site, arch::kRdx).found) {
        if ((found.value & PROT_EXEC) == 0 || found.value > kMostProtection) continue;
        if (!maps_for_others(program.objects[program.functions[found.function].object])) places.push_back(found);
      }
    }
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

}  // namespace stile::analysis
