// SPDX-License-Identifier: Apache-2.0
//
// What a Go binary says about itself: function table, moduledata, method tables, build information.
#include "check.h"
#include "elf/image.h"
#include "runtime/go_buildinfo.h"
#include "runtime/go_moduledata.h"
#include "runtime/go_pclntab.h"
#include "runtime/go_types.h"

namespace stile::fuzz::pclntab {

void check_table(const elf::Image& image, const go::Pclntab& table) {
  FUZZ_CHECK(table.size() != 0 && table.size() <= image.file_size() / 8);
  FUZZ_CHECK(table.records_size() <= image.at(table.address()).size());
  for (size_t i = 0; i < table.size(); ++i) {
    FUZZ_CHECK(table.entry(i) < table.end(i));
    use(table.argument_bytes(i));
    use(go::package_of(table.name(i)));
    if (i >= 64) continue;  // names alone beyond this: each line walks a table
    for (const uint64_t pc : {table.entry(i), table.end(i) - 1, table.end(i), uint64_t{0}}) {
      const go::LineInfo line = table.line(i, pc);
      FUZZ_CHECK(line.line <= INT32_MAX);
    }
  }
}

void check_methods(const elf::Image& image, const go::Moduledata& data) {
  FUZZ_CHECK(data.text.start < data.text.end);
  if (data.types.empty()) return;
  const auto is_start = [&](uint64_t address) { return data.text.contains(address); };
  for (const go::Method& method : go::find_methods(image, data, is_start)) {
    FUZZ_CHECK(!method.name.empty());
    FUZZ_CHECK(method.interface_code == 0 || data.text.contains(method.interface_code));
    FUZZ_CHECK(method.direct_code == 0 || data.text.contains(method.direct_code));
  }
}

}  // namespace stile::fuzz::pclntab

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  const auto image = elf::Image::parse(FileBytes(fuzz::copy(data, size)), "input");
  if (!image) return 0;
  for (const uint64_t bias : {uint64_t{0}, uint64_t{1} << 48}) {
    for (const uint64_t address : go::Pclntab::candidates(*image)) {
      fuzz::use(go::Pclntab::states_text_start(*image, address));
      const auto moduledata = go::find_moduledata(*image, address, bias);
      if (moduledata) fuzz::pclntab::check_methods(*image, *moduledata);
      const auto table = go::Pclntab::parse(*image, address, moduledata ? moduledata->text.start : 0, bias);
      if (table) {
        fuzz::pclntab::check_table(*image, *table);
      } else {
        fuzz::check_error(table.error());
      }
    }
  }
  const go::BuildInfo info = go::read_build_info(*image);
  fuzz::use(go::module_of(info, info.main.path + "/x"));
  FUZZ_CHECK(go::read_build_id(*image).size() <= 256);
  return 0;
}
