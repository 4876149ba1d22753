// SPDX-License-Identifier: Apache-2.0
//
// The ELF reader on small files made by hand: what it gives for a right one, and which line for each wrong one.
#include "elf/image.h"

#include <gtest/gtest.h>

#include "elf/eh_frame.h"
#include "hostile/elf_programs.h"

namespace stile::elf {
namespace {

using hostile::Blob;
using hostile::kData;
using hostile::kRodata;
using hostile::kText;

Result<Image> parse(Blob bytes) { return Image::parse(FileBytes(std::move(bytes)), "program"); }

std::string why(Blob bytes) {
  const auto image = parse(std::move(bytes));
  return image ? "it was read" : to_line(image.error());
}

TEST(Image, ReadsAStaticProgram) {
  const auto image = parse(hostile::wrapper_program());
  ASSERT_TRUE(image) << to_line(image.error());
  EXPECT_FALSE(image->position_independent());
  EXPECT_FALSE(image->dynamic());
  EXPECT_EQ(image->entry(), kText);
  ASSERT_EQ(image->segments().size(), 3u);
  EXPECT_TRUE(image->segments()[0].executable);
  EXPECT_TRUE(image->segments()[2].writable);
  EXPECT_EQ(image->read<uint64_t>(kData), 3u);
  EXPECT_EQ(image->read<uint64_t>(kData - 1), std::nullopt);
  EXPECT_TRUE(image->at(kText - 1).empty());
  EXPECT_EQ(image->segment_of(kRodata + 64), nullptr);
}

TEST(Image, ReadsEveryDynamicTable) {
  const auto image = parse(hostile::dynamic_program());
  ASSERT_TRUE(image) << to_line(image.error());
  EXPECT_TRUE(image->position_independent());
  EXPECT_EQ(image->interpreter(), "/lib64/ld-linux-x86-64.so.2");
  ASSERT_EQ(image->needed().size(), 1u);
  EXPECT_EQ(image->needed()[0], "libc.so.6");
  EXPECT_EQ(image->soname(), "lib.so.1");
  EXPECT_EQ(image->runpath(), "$ORIGIN/x:/y");
  ASSERT_EQ(image->dynamic_symbols().size(), 4u);
  EXPECT_EQ(image->dynamic_symbols()[1].name, "puts");
  EXPECT_EQ(image->dynamic_symbols()[1].version, "V_1");
  EXPECT_FALSE(image->dynamic_symbols()[1].defined());
  EXPECT_TRUE(image->dynamic_symbols()[3].hidden_version);
  EXPECT_EQ(image->gnu_build_id(), "0102030405060708");
  EXPECT_EQ(unwind_function_starts(*image), std::vector<uint64_t>{kText});
  EXPECT_EQ(image->initialiser_functions(), std::vector<uint64_t>{kText + 0x40});
  // Three in DT_RELA, one in DT_JMPREL; DT_RELR: the word itself, then bits 0 and 2 of its bitmap.
  EXPECT_EQ(image->relocations().size(), 7u);
}

TEST(Image, ZeroesFollowTheFilePart) {
  hostile::ElfFile file;
  file.load(kText, {0xc3}, PF_R | PF_X);
  file.load(kData, {1, 2, 3, 4}, PF_R | PF_W, 16);
  const auto image = parse(file.build());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->read<uint32_t>(kData + 8), 0u);
  EXPECT_EQ(image->read<uint32_t>(kData + 16), 0u);
  EXPECT_EQ(image->read<uint32_t>(kData + 17), std::nullopt);
}

TEST(Image, WritesStayInside) {
  auto image = parse(hostile::wrapper_program());
  ASSERT_TRUE(image);
  image->write_word(kData, 0x1122334455667788);
  EXPECT_EQ(image->read<uint64_t>(kData), 0x1122334455667788u);
  image->write_word(kData + 28, 1);           // four bytes too late
  image->write_word(0xffffffffffffffff, 1);
  EXPECT_EQ(image->read<uint32_t>(kData + 28), 0u);
}

TEST(Image, SaysWhatIsWrong) {
  const Blob good = hostile::wrapper_program();
  const auto with = [&](size_t at, auto value) {
    Blob copy = good;
    hostile::put(copy, at, value);
    return copy;
  };
  constexpr size_t kFirst = 64, kSecond = 64 + 56;  // program headers
  EXPECT_NE(why({}).find("not an ELF file"), std::string::npos);
  EXPECT_NE(why(with(16, uint16_t{99})).find("e_type is 99"), std::string::npos);
  EXPECT_NE(why(with(32, UINT64_MAX)).find("program header table"), std::string::npos);
  EXPECT_NE(why(with(54, uint16_t{32})).find("of 32 bytes"), std::string::npos);
  EXPECT_NE(why(with(kFirst + 8, uint64_t{1} << 40)).find("beyond the end of the file"), std::string::npos);
  EXPECT_NE(why(with(kFirst + 40, uint64_t{1})).find("file size above its memory size"), std::string::npos);
  EXPECT_NE(why(with(kFirst + 16, uint64_t{1} << 47)).find("outside user memory"), std::string::npos);
  EXPECT_NE(why(with(kSecond + 16, kText + 8)).find("overlap"), std::string::npos);
  EXPECT_NE(why(with(kFirst + 4, uint32_t{PF_R})).find("no executable segment"), std::string::npos);
  EXPECT_NE(why(with(kSecond, uint32_t{PT_INTERP})).find("names no interpreter"), std::string::npos);
  EXPECT_NE(why(with(7, uint8_t{9})).find("EI_OSABI 9"), std::string::npos);
}

}  // namespace
}  // namespace stile::elf
