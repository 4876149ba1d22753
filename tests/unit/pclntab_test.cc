// SPDX-License-Identifier: Apache-2.0
//
// Go's tables in each of their four layouts, made by hand.
#include "runtime/go_pclntab.h"

#include <gtest/gtest.h>

#include "hostile/go_writer.h"
#include "runtime/go_buildinfo.h"
#include "runtime/go_moduledata.h"
#include "runtime/go_types.h"

namespace stile::go {
namespace {

using hostile::Blob;
using hostile::kRodata;
using hostile::kText;

elf::Image image_of(Blob bytes) {
  auto image = elf::Image::parse(FileBytes(std::move(bytes)), "program");
  EXPECT_TRUE(image) << to_line(image.error());
  return std::move(*image);
}

class Layouts : public testing::TestWithParam<PclntabLayout> {};

TEST_P(Layouts, FunctionsNamesAndLines) {
  const auto image = image_of(hostile::go_program(GetParam()));
  ASSERT_EQ(Pclntab::candidates(image), std::vector<uint64_t>{kRodata});
  EXPECT_TRUE(GetParam() == PclntabLayout::Go12 || Pclntab::states_text_start(image, kRodata));
  const auto table = Pclntab::parse(image, kRodata, kText, 0);
  ASSERT_TRUE(table) << to_line(table.error());
  EXPECT_EQ(table->layout(), GetParam());
  ASSERT_EQ(table->size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(table->name(i), hostile::kGoNames[i]);
    EXPECT_EQ(table->argument_bytes(i), 16u);
    EXPECT_EQ(table->line(i, table->entry(i)).file, "/src/main.go");
    EXPECT_EQ(table->line(i, table->entry(i)).line, 10u);
    EXPECT_EQ(table->line(i, table->entry(i) + 8).line, 11u);
  }
  EXPECT_EQ(table->entry(1), kText + 0x40);
  EXPECT_EQ(table->end(3), kText + 0xa0);
}

TEST_P(Layouts, ModuledataTypesAndInterfaceTables) {
  const auto image = image_of(hostile::go_program(GetParam()));
  const auto data = find_moduledata(image, kRodata, 0);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->text.start, kText);
  EXPECT_EQ(data->text.end, kText + 0xa0);
  const auto methods = find_methods(image, *data, [](uint64_t address) { return address == kText + 0x60; });
  ASSERT_EQ(methods.size(), 1u);
  EXPECT_EQ(methods[0].name, "Do");
  EXPECT_EQ(methods[0].interface_code, kText + 0x60);
  const auto itabs = find_itabs(image, *data, 0);
  ASSERT_EQ(itabs.size(), 1u);  // listed twice
  EXPECT_EQ(itabs[0].methods, std::vector<uint64_t>{kText + 0x60});
}

TEST_P(Layouts, BadTablesAreRefusedWhole) {
  const hostile::GoParts good = hostile::go_parts(GetParam());
  const auto parse = [&](uint64_t at, auto value) {
    hostile::GoParts parts = good;
    hostile::put(parts.rodata, at, value);
    const auto image = image_of(link(parts));
    const auto table = Pclntab::parse(image, kRodata, kText, 0);
    return table ? std::string("it was read") : to_line(table.error());
  };
  EXPECT_NE(parse(0, uint32_t{0}).find("no known header"), std::string::npos);
  EXPECT_NE(parse(8, uint64_t{0}).find("0 functions"), std::string::npos);
  EXPECT_NE(parse(8, UINT64_MAX).find("functions"), std::string::npos);
  EXPECT_NE(parse(8, uint64_t{1} << 61).find("functions"), std::string::npos);
  EXPECT_NE(parse(8, uint64_t{60}), "it was read");
}

INSTANTIATE_TEST_SUITE_P(, Layouts, testing::Values(PclntabLayout::Go12, PclntabLayout::Go116, PclntabLayout::Go118, PclntabLayout::Go120));

TEST(BuildInfo, IsRead) {
  const auto info = read_build_info(image_of(hostile::go_program(PclntabLayout::Go120)));
  EXPECT_EQ(info.go_version, "go1.20");
  EXPECT_EQ(info.main.path, "example.com/x.y");
  EXPECT_EQ(info.main.version, "v1.2.3");
  EXPECT_TRUE(info.cgo);
}

TEST(Names, Packages) {
  EXPECT_EQ(package_of("net/http.(*Server).Serve"), "net/http");
  EXPECT_EQ(package_of("example.com/x%2ey.(*T).Do"), "example.com/x.y");
  EXPECT_EQ(package_of("main.f[go.shape.struct { a/b.c }]"), "main");
  EXPECT_EQ(package_of("plain"), "");
  EXPECT_EQ(package_of("%"), "");
  EXPECT_EQ(package_of("a%2.b"), "a%2");
}

}  // namespace
}  // namespace stile::go
