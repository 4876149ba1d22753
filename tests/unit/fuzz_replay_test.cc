// SPDX-License-Identifier: Apache-2.0
//
// Runs every input kept in fuzz/corpus through its fuzz target once: what a fuzzer found stays found.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#define STILE_FUZZ_REPLAY
#define LLVMFuzzerTestOneInput fuzz_one_analyze
#include "../../fuzz/analyze.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_bpf
#include "../../fuzz/bpf.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_cache_entry
#include "../../fuzz/cache_entry.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_policies
#include "../../fuzz/policies.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_container_image
#include "../../fuzz/container_image.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_decoder
#include "../../fuzz/decoder.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_elf_image
#include "../../fuzz/elf_image.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_embed
#include "../../fuzz/embed.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_ld_cache
#include "../../fuzz/ld_cache.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_pclntab
#include "../../fuzz/pclntab.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_profile_formats
#include "../../fuzz/profile_formats.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_text_formats
#include "../../fuzz/text_formats.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_trace_json
#include "../../fuzz/trace_json.cc"
#undef LLVMFuzzerTestOneInput

namespace {

struct Target {
  const char* name;
  int (*run)(const uint8_t*, size_t);
};

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, HoldsNoSurprise) {
  const std::filesystem::path directory = std::filesystem::path(STILE_SOURCE_DIR "/fuzz/corpus") / GetParam().name;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty()) << directory;
  for (const auto& path : files) {
    SCOPED_TRACE(path.string());
    std::ifstream in(path, std::ios::binary);
    const std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(GetParam().run(bytes.data(), bytes.size()), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(, Corpus,
                         testing::Values(Target{"analyze", fuzz_one_analyze}, Target{"bpf", fuzz_one_bpf}, Target{"cache_entry", fuzz_one_cache_entry}, Target{"policies", fuzz_one_policies}, Target{"container_image", fuzz_one_container_image}, Target{"decoder", fuzz_one_decoder},
                                         Target{"elf_image", fuzz_one_elf_image}, Target{"embed", fuzz_one_embed}, Target{"ld_cache", fuzz_one_ld_cache}, Target{"pclntab", fuzz_one_pclntab},
                                         Target{"profile_formats", fuzz_one_profile_formats}, Target{"text_formats", fuzz_one_text_formats}, Target{"trace_json", fuzz_one_trace_json}),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
