// SPDX-License-Identifier: Apache-2.0
//
// Writes the seeds of the fuzz targets elf_image, pclntab and analyze into a directory; see fuzz/README.md.
#include <fstream>
#include <string>

#include "hostile/elf_programs.h"
#include "hostile/go_writer.h"

int main(int count, char** words) {
  using namespace stile;
  const std::string directory = count > 1 ? words[1] : ".";
  const auto write = [&](const std::string& name, const hostile::Blob& bytes) {
    std::ofstream(directory + "/" + name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  };
  write("go-1.2", hostile::go_program(go::PclntabLayout::Go12));
  write("go-1.16", hostile::go_program(go::PclntabLayout::Go116));
  write("go-1.18", hostile::go_program(go::PclntabLayout::Go118));
  write("go-1.20", hostile::go_program(go::PclntabLayout::Go120));
  write("static", hostile::wrapper_program());
  write("tables", hostile::table_program());
  write("dynamic", hostile::dynamic_program());
  return 0;
}
