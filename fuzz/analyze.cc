// SPDX-License-Identifier: Apache-2.0
//
// A whole ELF file through the whole analysis and on to a profile in every format. The mutator keeps the file header and
// the program header table in shape most of the time: without it nearly every input would end at the first check.
#include <algorithm>
#include <cstring>
#include <numeric>

#include <elf.h>

#include <stile/analyze.h>
#include <stile/format.h>

#include "check.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace stile::fuzz::analyze {

void check_analysis(const Analysis& analysis) {
  const auto key = [](const SyscallUse& use) { return std::tie(use.arch, use.name); };
  FUZZ_CHECK(std::is_sorted(analysis.syscalls.begin(), analysis.syscalls.end(),
                            [&](const SyscallUse& a, const SyscallUse& b) { return key(a) < key(b); }));
  for (const SyscallUse& use : analysis.syscalls) {
    FUZZ_CHECK(!use.name.empty() && !use.because.empty());
    FUZZ_CHECK(use.sites != 0 || use.because[0].kind == EvidenceKind::Kernel);  // the vsyscall page
  }
  for (const Gap& gap : analysis.gaps) FUZZ_CHECK(!gap.what.empty());
  FUZZ_CHECK(analysis.stats.reachable_functions <= analysis.stats.functions);
}

void check_profile(const Profile& profile) {
  for (const Format* format : formats()) {
    const auto text = format->write(profile, nullptr);
    if (!text) {
      check_error(text.error());
      continue;
    }
    FUZZ_CHECK(!text->empty() && (format->binary || text->back() == '\n'));
    if (format->read == nullptr) continue;
    const auto again = format->read(*text, "again", {}, nullptr);
    FUZZ_CHECK(again.has_value());
  }
}

}  // namespace stile::fuzz::analyze

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  AnalyzeOptions options;
  options.threads = 1;
  const auto analysis = analyze_bytes(fuzz::copy(data, size), "input", options);
  if (!analysis) {
    fuzz::check_error(analysis.error());
    return 0;
  }
  fuzz::analyze::check_analysis(*analysis);
  // What follows is slow and has targets of its own: one input in 64.
  if (std::accumulate(data, data + size, 0u) % 64 != 0) return 0;
  ProfileOptions policy;
  policy.runtime = "none";
  const auto profile = make_profile(*analysis, policy);
  FUZZ_CHECK(profile.has_value());
  fuzz::analyze::check_profile(*profile);
  return 0;
}

#ifndef STILE_FUZZ_REPLAY
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  constexpr size_t kHead = sizeof(Elf64_Ehdr);
  if (size <= kHead || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  // Sizes stay as they are, so that offsets in the file keep their meaning; now and then they may change.
  const bool may_grow = seed % 16 == 1;
  Elf64_Ehdr header;
  std::memcpy(&header, data, sizeof header);
  std::vector<uint8_t> program_headers;
  const uint64_t table_size = uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
  const bool keep_table = seed % 4 != 0 && header.e_phoff < size && table_size <= size - header.e_phoff;
  if (keep_table) program_headers.assign(data + header.e_phoff, data + header.e_phoff + table_size);

  // A window, so that changes come to be near each other.
  const size_t span = size - kHead;
  const size_t at = kHead + (seed / 64) % span;
  const size_t window = std::min<size_t>(size - at, size_t{4} << (seed / 16 % 8));
  if (may_grow) {
    size = kHead + LLVMFuzzerMutate(data + kHead, span, max_size - kHead);
  } else {
    const size_t changed = LLVMFuzzerMutate(data + at, window, window);
    if (changed < window) std::memset(data + at + changed, 0x90, window - changed);
  }
  std::memcpy(data, &header, std::min(size, sizeof header));
  if (!program_headers.empty() && header.e_phoff + table_size <= size) {
    std::memcpy(data + header.e_phoff, program_headers.data(), program_headers.size());
  }
  return size;
}
#endif
