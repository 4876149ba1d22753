// SPDX-License-Identifier: Apache-2.0
#include <stile/embed.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include <gtest/gtest.h>

#include "embed/elf_file.h"
#include "embed/part.h"
#include "embed/stub.h"

namespace stile {
namespace {

using embed::FileHeader;
using embed::ProgramHeader;
using embed::SectionHeader;

constexpr uint32_t kX86_64 = 0xc000003e;
constexpr uint32_t kAllow = 0x7fff0000, kEperm = 0x00050001;

// Allows write, exit_group and, if wanted, execve; the rest is EPERM.
Program small_filter(bool with_exec) {
  Program program = {{0x20, 0, 0, 0}};
  for (const uint32_t number : {1u, 231u, 59u}) {
    if (number == 59 && !with_exec) continue;
    program.push_back({0x15, 0, 1, number});
    program.push_back({0x06, 0, 0, kAllow});
  }
  program.push_back({0x06, 0, 0, kEperm});
  return program;
}

struct Layout {
  bool room = false;  // zeroes behind the program headers
  bool note = false;  // a PT_NOTE
  bool sections = true;
  uint16_t type = embed::kTypeExecutable;
  uint64_t base = 0x400000;
  uint64_t bss = 0x1234;
};

template <typename T>
void put(std::vector<uint8_t>& file, size_t at, const T& value) {
  if (file.size() < at + sizeof value) file.resize(at + sizeof value);
  std::memcpy(file.data() + at, &value, sizeof value);
}

// A program of one code page and one data page, with what the layout says.
std::vector<uint8_t> make_elf(const Layout& layout) {
  std::vector<ProgramHeader> table = {
      {embed::kLoad, embed::kReadable | embed::kExecutable, 0, layout.base, layout.base, 0x1100, 0x1100,
       0x1000},
      {embed::kLoad, embed::kReadable | embed::kWritable, 0x2000, layout.base + 0x2000, layout.base + 0x2000,
       0x10, 0x10 + layout.bss, 0x1000},
      {0x6474e551, embed::kReadable, 0, 0, 0, 0, 0, 16},
  };
  if (layout.note)
    table.insert(table.begin(), {embed::kNote, embed::kReadable, 0x800, layout.base + 0x800,
                                 layout.base + 0x800, 16, 16, 4});
  FileHeader header{
      {0x7f, 'E', 'L', 'F', 2, 1, 1},      layout.type, 62, 1, layout.base + 0x1000, 64, 0, 0, 64, 56,
      static_cast<uint16_t>(table.size()), 64,          0,  0};
  std::vector<uint8_t> file(0x2010);
  for (size_t i = 0; i < table.size(); ++i) put(file, 64 + i * sizeof(ProgramHeader), table[i]);
  const size_t behind = 64 + table.size() * sizeof(ProgramHeader);
  if (!layout.room) std::memset(file.data() + behind, 0xaa, 56);
  std::memset(file.data() + 0x1000, 0x90, 0x100);
  if (layout.sections) {
    const char names[] = "\0.text\0.shstrtab";
    const size_t names_at = file.size();
    for (size_t i = 0; i < sizeof names; ++i) file.push_back(static_cast<uint8_t>(names[i]));
    file.resize((file.size() + 7) / 8 * 8);
    header.section_offset = file.size();
    header.section_count = 3;
    header.names_index = 2;
    put(file, file.size(), SectionHeader{});
    put(file, file.size(), SectionHeader{1, 1, 6, layout.base + 0x1000, 0x1000, 0x100, 0, 0, 16, 0});
    put(file, file.size(), SectionHeader{7, 3, 0, 0, names_at, sizeof names, 0, 0, 1, 0});
  }
  put(file, 0, header);
  return file;
}

Embedding some_embedding(bool with_exec = false) {
  return {small_filter(with_exec), "{\"a profile\": true}\n", "test", "1.2.3", 1700000000, OnFailure::Refuse};
}

FileHeader header_of(const std::vector<uint8_t>& file) {
  FileHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  return header;
}

std::vector<ProgramHeader> table_of(const std::vector<uint8_t>& file) {
  const FileHeader header = header_of(file);
  std::vector<ProgramHeader> table(header.program_count);
  std::memcpy(table.data(), file.data() + header.program_offset, table.size() * sizeof(ProgramHeader));
  return table;
}

// What the kernel and ld.so ask of the table.
void check_table(const std::vector<uint8_t>& file) {
  uint64_t last = 0;
  for (const ProgramHeader& segment : table_of(file)) {
    if (segment.type != embed::kLoad) continue;
    EXPECT_GE(segment.address, last);
    EXPECT_EQ((segment.address - segment.offset) % 4096, 0u);
    EXPECT_LE(segment.offset + segment.file_size, file.size());
    last = segment.address + segment.memory_size;
  }
}

TEST(Stub, BytesAreTheAssembledSource) {
  const std::string source = STILE_SOURCE_DIR "/src/embed/stub_x86_64.S";
  if (std::system("gcc --version >/dev/null 2>&1 && objcopy --version >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "no gcc or objcopy";
  const std::string object = testing::TempDir() + "stub.o", binary = testing::TempDir() + "stub.bin";
  ASSERT_EQ(std::system(("gcc -c " + source + " -o " + object + " && objcopy -O binary -j .text " + object +
                         " " + binary)
                            .c_str()),
            0);
  std::ifstream in(binary, std::ios::binary);
  const std::vector<uint8_t> assembled((std::istreambuf_iterator<char>(in)), {});
  const auto code = embed::stub_code();
  EXPECT_EQ(assembled, std::vector<uint8_t>(code.begin(), code.end()));
}

TEST(SelfAware, AnswersTheQuestionAndNothingElse) {
  for (const bool with_exec : {false, true}) {
    const Program base = small_filter(with_exec);
    const Program program = self_aware(base).value();
    ASSERT_TRUE(validate(program));
    const SelfKey key = self_key(base);
    const auto verdict = [&](uint32_t number, Arguments args, uint32_t arch = kX86_64) {
      return emulate(program, {.number = number, .arch = arch, .args = args})->value;
    };
    EXPECT_EQ(verdict(157, {38, 1, key.key, 0, 0, 0}), 0x00050000u | key.answer);
    EXPECT_EQ(verdict(157, {38, 1, key.key, 0, 2, 0}), 0x00050000u | key.answer);
    EXPECT_GE(key.answer, 1024);
    EXPECT_LE(key.answer, 4095);
    // Another key, another option, another machine: what the filter itself says, or leave to set no_new_privs
    // for what is executed.
    const uint32_t own = with_exec ? kAllow : kEperm;
    EXPECT_EQ(verdict(157, {38, 1, key.key + 1, 0, 0, 0}), own);
    EXPECT_EQ(verdict(157, {38, 1, key.key ^ (uint64_t{1} << 40), 0, 0, 0}), own);
    EXPECT_EQ(verdict(157, {38, 1, 0, 0, 0, 0}), own);
    EXPECT_EQ(verdict(157, {39, 1, key.key, 0, 0, 0}), kEperm);
    EXPECT_EQ(verdict(157, {38, 1, key.key, 0, 0, 0}, 0x40000003), kEperm);
    EXPECT_EQ(verdict(317, {1, 1, 0x1000, 0, 0, 0}), own);
    EXPECT_EQ(verdict(317, {1, 9, 0x1000, 0, 0, 0}), kEperm) << "a listener is no tightening";
    EXPECT_EQ(verdict(317, {0, 0, 0, 0, 0, 0}), kEperm);
    // Everything else as before.
    for (uint32_t number = 0; number < 500; ++number) {
      if (number == 157 || number == 317) continue;
      const Event event{.number = number, .arch = kX86_64, .args = {1, 1, 1, 1, 1, 1}};
      EXPECT_EQ(emulate(program, event)->value, emulate(base, event)->value) << number;
    }
    EXPECT_TRUE(is_constant_allow(program, kX86_64, 1)) << "still answered from the kernel's bitmap";
  }
}

TEST(SelfAware, TheAccumulatorIsZeroBeforeTheFilter) {
  // if (A == 0) allow; else refuse: a filter that begins with a comparison.
  const Program base = {{0x15, 0, 1, 0}, {0x06, 0, 0, kAllow}, {0x06, 0, 0, kEperm}};
  const Program program = self_aware(base).value();
  ASSERT_TRUE(validate(program));
  for (const uint32_t number : {0u, 1u, 157u, 317u}) {
    EXPECT_EQ(emulate(program, {.number = number, .arch = kX86_64})->value, kAllow) << number;
    EXPECT_EQ(emulate(program, {.number = number, .arch = 0x40000003})->value, kAllow) << number;
  }
}

TEST(SelfAware, ThePriceIsKnown) {
  // docs/embed.md says how many instructions come before the filter, and nearly every number passes two or three of them.
  for (const bool with_exec : {false, true}) {
    const Program base = small_filter(with_exec);
    EXPECT_EQ(self_aware(base)->size() - base.size(), with_exec ? 20 : 11);
  }
}

TEST(SelfAware, RefusesWhatCannotWork) {
  const Program notify = {{0x06, 0, 0, 0x7fc00000}};
  EXPECT_EQ(self_aware(notify).error().code, Code::Usage);
  Program longest(kMaxInstructions, Instruction{0x20, 0, 0, 0});
  longest.back() = {0x06, 0, 0, kAllow};
  EXPECT_EQ(self_aware(longest).error().code, Code::Limit);
  EXPECT_FALSE(self_aware({}).has_value());
}

struct PlacementCase {
  Layout layout;
  Placement expected;
};

class Places : public testing::TestWithParam<PlacementCase> {};

TEST_P(Places, RoundTrip) {
  const std::vector<uint8_t> original = make_elf(GetParam().layout);
  const Embedding what = some_embedding();
  const auto placed = embed_filter(original, what, {.name = "x"});
  ASSERT_TRUE(placed) << to_line(placed.error());
  EXPECT_EQ(to_string(placed->placement), to_string(GetParam().expected));
  check_table(placed->file);
  const auto found = find_embedded(placed->file);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->what, what);
  EXPECT_EQ((*found)->entry, GetParam().layout.base + 0x1000);
  EXPECT_TRUE((*found)->original_known);
  const auto removed = remove_embedded(placed->file);
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->exact);
  EXPECT_EQ(removed->file, original);
  // The same again: byte for byte.
  EXPECT_EQ(embed_filter(original, what, {.name = "x"})->file, placed->file);
  // Another one replaces it.
  const auto twice = embed_filter(placed->file, some_embedding(true), {.name = "x"});
  ASSERT_TRUE(twice) << to_line(twice.error());
  EXPECT_EQ(remove_embedded(twice->file)->file, original);
}

INSTANTIATE_TEST_SUITE_P(Layouts, Places,
                         testing::Values(PlacementCase{{.room = true}, Placement::Grow},
                                         PlacementCase{{.room = true, .note = true}, Placement::Grow},
                                         PlacementCase{{.note = true}, Placement::Note},
                                         PlacementCase{{.note = true, .sections = false}, Placement::Note},
                                         PlacementCase{{}, Placement::Move},
                                         PlacementCase{{.sections = false}, Placement::Move},
                                         PlacementCase{{.bss = 0x800000}, Placement::Move}));

TEST(Embed, MovedTableIsWhereOldKernelsSayItIs) {
  const auto placed = embed_filter(make_elf({.bss = 0x20000}), some_embedding());
  ASSERT_TRUE(placed);
  ASSERT_EQ(placed->placement, Placement::Move);
  const FileHeader header = header_of(placed->file);
  const auto table = table_of(placed->file);
  // Before 5.18: first address - first offset + e_phoff. Since: in the segment that holds e_phoff. Both must
  // be the same place.
  const ProgramHeader& own = table[2];
  EXPECT_EQ(own.type, embed::kLoad);
  EXPECT_EQ(table[0].address - table[0].offset + header.program_offset,
            own.address + (header.program_offset - own.offset));
  EXPECT_GE(header.program_offset, own.offset);
  EXPECT_LE(header.program_offset + table.size() * sizeof(ProgramHeader), own.offset + own.file_size);
}

TEST(Embed, RefusesWithAReason) {
  const Embedding what = some_embedding();
  const auto refused = [&](std::vector<uint8_t> file, Code code, const std::string& word) {
    const auto placed = embed_filter(file, what, {.name = "x"});
    ASSERT_FALSE(placed) << word;
    EXPECT_EQ(placed.error().code, code) << to_line(placed.error());
    EXPECT_NE(to_line(placed.error()).find(word), std::string::npos) << to_line(placed.error());
    EXPECT_FALSE(can_embed(file, "x").has_value());
  };
  const std::string script = "#!/bin/sh\n";
  refused({script.begin(), script.end()}, Code::NotElf, "script");
  refused({}, Code::NotElf, "not an ELF");
  const auto changed = [&](const std::function<void(FileHeader&)>& change) {
    std::vector<uint8_t> file = make_elf({.note = true});
    FileHeader header = header_of(file);
    change(header);
    put(file, 0, header);
    return file;
  };
  refused(changed([](FileHeader& h) { h.machine = 183; }), Code::Unsupported, "x86-64");
  refused(changed([](FileHeader& h) {
            h.type = 1;
            h.program_count = 0;
          }),
          Code::Unsupported, "object file");
  refused(changed([](FileHeader& h) { h.type = embed::kTypeDynamic; }), Code::Unsupported, "shared library");
  refused(changed([](FileHeader& h) { h.entry = 0; }), Code::Unsupported, "entry");
  refused(changed([](FileHeader& h) { h.program_offset = ~uint64_t{0}; }), Code::Malformed,
          "program headers");
  refused(changed([](FileHeader& h) { h.section_offset = 1u << 30; }), Code::Malformed, "section");
  refused(make_elf({.bss = 1u << 30}), Code::Unsupported, "no room");
  std::vector<uint8_t> appended = make_elf({.note = true});
  appended.push_back('P');
  refused(appended, Code::Unsupported, "behind the end");
  std::vector<uint8_t> packed = make_elf({.note = true});
  std::memcpy(packed.data() + 0x180, "UPX!", 4);
  refused(packed, Code::Unsupported, "UPX");
}

// Every byte of the part counts: no change goes unnoticed and is taken for a filter that is in force.
TEST(Embed, NoDamageGoesUnnoticed) {
  const auto placed = embed_filter(make_elf({.note = true}), some_embedding(), {.name = "x"});
  ASSERT_TRUE(placed);
  const auto whole = find_embedded(placed->file).value().value();
  const auto segment = table_of(placed->file)[2];
  ASSERT_EQ(segment.address, whole.address);
  for (uint64_t at = sizeof embed::kPartMagic; at < whole.size; ++at) {
    std::vector<uint8_t> damaged = placed->file;
    damaged[segment.offset + at] ^= 0x01;
    EXPECT_FALSE(find_embedded(damaged).has_value()) << at;
  }
  // Another entry point: there, but never entered.
  std::vector<uint8_t> bypassed = placed->file;
  put(bypassed, offsetof(FileHeader, entry), uint64_t{0x401000});
  const auto found = find_embedded(bypassed);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("never installed"), std::string::npos);
  EXPECT_FALSE(embed_filter(bypassed, some_embedding()).has_value());
}

TEST(Embed, AFileThatWasChangedSinceStillLosesItsFilter) {
  const auto placed = embed_filter(make_elf({.note = true}), some_embedding(), {.name = "x"});
  std::vector<uint8_t> changed = placed->file;
  changed[0x1050] = 0xcc;
  const auto found = find_embedded(changed);
  ASSERT_TRUE(found && *found);
  EXPECT_FALSE((*found)->original_known);
  const auto removed = remove_embedded(changed);
  ASSERT_TRUE(removed);
  EXPECT_FALSE(removed->exact);
  EXPECT_EQ(header_of(removed->file).entry, 0x401000u);
  EXPECT_FALSE(find_embedded(removed->file)->has_value());
  EXPECT_TRUE(embed_filter(removed->file, some_embedding(), {.placement = Placement::Move}).has_value());
}

TEST(Embed, OnFailureAndNameAreInTheMessage) {
  Embedding what = some_embedding();
  what.on_failure = OnFailure::Run;
  const auto placed = embed_filter(make_elf({.note = true}), what, {.name = "/bin/evil\n\x1b[31m"});
  ASSERT_TRUE(placed);
  const std::string text(placed->file.begin(), placed->file.end());
  EXPECT_NE(text.find("stile: evil??[31m: its system call filter"), std::string::npos);
  EXPECT_NE(text.find("; it runs WITHOUT its filter\n"), std::string::npos);
  EXPECT_EQ(find_embedded(placed->file)->value().what.on_failure, OnFailure::Run);
}

TEST(Source, HoldsTheFilterAndThePolicy) {
  Profile profile;
  profile.rules["chown"].action = {ActionKind::Errno, 1};
  profile.rules["evil */ \n\\"].action = {ActionKind::Allow, 0};
  for (const SourceLanguage language : {SourceLanguage::Go, SourceLanguage::C, SourceLanguage::Cxx}) {
    const auto text = source_text(some_embedding(), &profile, language);
    ASSERT_TRUE(text);
    EXPECT_NE(text->find("chown: errno:EPERM"), std::string::npos);
    EXPECT_EQ(text->find("evil */"), std::string::npos);
    const Program installed = self_aware(small_filter(false)).value();
    for (const Instruction& i : installed) {
      char line[64];
      std::snprintf(line, sizeof line, "{0x%02x, %d, %d, 0x%08x}", i.code, i.jt, i.jf, i.k);
      EXPECT_NE(text->find(line), std::string::npos) << line;
    }
  }
  EXPECT_EQ(source_text(some_embedding(), &profile, SourceLanguage::Go, {.package = "a b"}).error().code,
            Code::Usage);
  EXPECT_FALSE(source_language_from("rust"));
}

}  // namespace
}  // namespace stile
