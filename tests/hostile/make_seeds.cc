// SPDX-License-Identifier: Apache-2.0
//
// Writes the seeds of the fuzz targets elf_image, pclntab, analyze, ld_cache and container_image into a directory; see fuzz/README.md.
#include <fstream>
#include <string>

#include "hostile/elf_programs.h"
#include "hostile/go_writer.h"
#include "hostile/image_writer.h"
#include "hostile/ld_cache_writer.h"

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
  const std::vector<hostile::CachedLibrary> libraries = {{"liba.so", "/usr/lib/glibc-hwcaps/x86-64-v3/liba.so", 0x303, "x86-64-v3"},
                                                         {"liba.so", "/usr/lib/liba.so"}, {"b", "/b", 0x1}};
  write("ld_cache-new", hostile::ld_cache(libraries));
  write("ld_cache-both", hostile::ld_cache(libraries, true));
  // The first byte says what the rest is: see fuzz/container_image.cc.
  const auto image = [&](const std::string& name, char kind, const std::string& bytes) {
    hostile::Blob blob{static_cast<uint8_t>(kind)};
    hostile::append(blob, std::string_view(bytes));
    write("container_image-" + name, blob);
  };
  using hostile::Tar;
  const std::string layer = Tar().program("bin/p", "\x7f" "ELF").symlink("lib", "/bin").file("lib/x", "#!/bin/p\n").hardlink("y", "lib/x")
                                .file("bin/.wh.p", "").file("lib/.wh..wh..opq", "").device("null").file("../out", "").unfinished();
  hostile::ImageText text;
  text.layers = {Tar().program("bin/program", "#!/bin/p\n").program("bin/p", "\x7f" "ELF").unfinished()};
  image("docker", 0, hostile::docker_archive(text));
  text.gzipped = true;
  image("oci", 0, hostile::tar_of(hostile::oci_layout(text, R"({"os":"linux","architecture":"amd64"})")));
  image("layer", 1, layer);
  image("links", 1, Tar().symlink("a", "..").symlink("b", "a/../..").file("b/c", "x").symlink("d", "d").file("d/e", "").directory("a").unfinished());
  image("manifest", 2, R"([{"Config":")" + std::string(64, 'a') + R"(.json","RepoTags":["a:1"],"Layers":["l/layer.tar"]}])");
  image("index", 3, hostile::oci_layout(text, R"({"os":"linux","architecture":"arm64"})").at("index.json"));
  return 0;
}
