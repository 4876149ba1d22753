// SPDX-License-Identifier: Apache-2.0
//
// Bytes per second of a linear sweep over the code of real programs: our shape decoder beside Zydis, which
// has to be asked in its minimal mode for a fair comparison.
#include <Zydis/Zydis.h>
#include <benchmark/benchmark.h>
#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "arch/x86_64_decode.h"

namespace {

using Bytes = std::vector<uint8_t>;

// The largest executable section of a 64-bit ELF file, .text in practice.
Bytes text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const Bytes file(std::istreambuf_iterator<char>(in), {});
  Elf64_Ehdr header;
  Bytes text;
  if (file.size() < sizeof header) return text;
  std::memcpy(&header, file.data(), sizeof header);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    const size_t at = header.e_shoff + size_t{i} * sizeof section;
    if (at + sizeof section > file.size()) break;
    std::memcpy(&section, file.data() + at, sizeof section);
    if (section.sh_type != SHT_PROGBITS || (section.sh_flags & SHF_EXECINSTR) == 0) continue;
    if (section.sh_offset > file.size() || section.sh_size > file.size() - section.sh_offset) continue;
    if (section.sh_size <= text.size()) continue;
    text.assign(file.begin() + static_cast<std::ptrdiff_t>(section.sh_offset),
                file.begin() + static_cast<std::ptrdiff_t>(section.sh_offset + section.sh_size));
  }
  return text;
}

void sweep_ours(benchmark::State& state, const Bytes& text) {
  size_t instructions = 0, references = 0;
  for (auto _ : state) {
    const uint8_t* const end = text.data() + text.size();
    instructions = references = 0;
    for (const uint8_t* p = text.data(); p < end;) {
      const stile::arch::Insn insn = stile::arch::decode(p, end);
      references += unsigned{insn.flow != stile::arch::Flow::None} | unsigned{insn.disp_at != 0};
      p += insn.length != 0 ? insn.length : 1;
      ++instructions;
    }
    benchmark::DoNotOptimize(references);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["insns"] = static_cast<double>(instructions);
  state.counters["refs"] = static_cast<double>(references);
}

void sweep_zydis(benchmark::State& state, const Bytes& text) {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
  size_t instructions = 0;
  for (auto _ : state) {
    instructions = 0;
    for (size_t at = 0; at < text.size(); ++instructions) {
      ZydisDecodedInstruction z;
      const bool ok = ZYAN_SUCCESS(
          ZydisDecoderDecodeInstruction(&decoder, nullptr, text.data() + at, text.size() - at, &z));
      at += ok ? z.length : 1;
    }
    benchmark::DoNotOptimize(instructions);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["insns"] = static_cast<double>(instructions);
}

}  // namespace

int main(int argc, char** argv) {
  static std::vector<Bytes> texts;
  const char* const files[] = {"/usr/local/bin/docker", "/usr/bin/kubectl", "/usr/bin/python3",
                               "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libcrypto.so.3"};
  texts.reserve(std::size(files));
  for (const char* file : files) {
    texts.push_back(text_of(file));
    const Bytes& text = texts.back();
    if (text.empty()) continue;
    const std::string name = file;
    benchmark::RegisterBenchmark(("shape " + name).c_str(), sweep_ours, text)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("Zydis " + name).c_str(), sweep_zydis, text)->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
