// SPDX-License-Identifier: Apache-2.0
//
// Images as files, right and wrong: what is unpacked, what runs, and the one line for what is refused.
#include <stile/image.h>

#include <stdlib.h>  // mkdtemp

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "hostile/elf_programs.h"
#include "hostile/image_writer.h"

namespace stile {
namespace {

namespace fs = std::filesystem;
using hostile::ImageText;
using hostile::Tar;

std::string elf() {
  const hostile::Blob bytes = hostile::wrapper_program();
  return std::string(bytes.begin(), bytes.end());
}

class ImageTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/stile-images-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory = fs::canonical(name);
    fs::create_directory(directory + "/unpacked");
    options.temporary = directory + "/unpacked";
  }
  void TearDown() override {
    // Nothing stays behind, whatever happened.
    EXPECT_TRUE(fs::is_empty(directory + "/unpacked"));
    fs::remove_all(directory);
  }
  std::string write(const std::string& bytes) const {
    const std::string path = directory + "/image.tar";
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    return path;
  }
  Result<ContainerImage> open(const std::string& bytes) const { return open_image(write(bytes), options); }
  Result<ContainerImage> with_layers(std::vector<std::string> layers, bool gzipped = false) const {
    ImageText text;
    text.layers = std::move(layers);
    text.gzipped = gzipped;
    return open(hostile::docker_archive(text));
  }
  // Without the path of the file, which no two runs have in common.
  std::string why(const Result<ContainerImage>& image) const {
    if (image) return "it was opened";
    std::string line = to_line(image.error());
    for (size_t at = line.find(directory); at != line.npos; at = line.find(directory)) line.erase(at, directory.size() + 1);
    return line;
  }
  // What is in the image: paths, with what they hold, sorted.
  static std::string listing(const ContainerImage& image) {
    std::set<std::string> lines;
    for (const auto& entry : fs::recursive_directory_iterator(image.directory())) {
      std::string line = entry.path().string().substr(image.directory().size());
      if (entry.is_symlink()) {
        line += " -> " + fs::read_symlink(entry.path()).string();
      } else if (entry.is_regular_file()) {
        std::ifstream in(entry.path());
        line += " = " + std::string(std::istreambuf_iterator<char>(in), {});
      } else {
        line += "/";
      }
      lines.insert(line);
    }
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  }
  static std::string programs(const ContainerImage& image, const std::string& program = "") {
    const auto entry = entry_point(image, program);
    if (!entry) return entry.error().message;
    std::string text;
    for (const std::string& script : entry->scripts) text += "script " + script + " ";
    for (const std::string& one : entry->programs) text += one + " ";
    return text;
  }
  Result<ContainerImage> with_config(const std::string& config, const std::string& layer) const {
    ImageText text;
    text.config = config;
    text.layers = {layer};
    return open(hostile::docker_archive(text));
  }

  std::string directory;
  ImageOptions options;
};

TEST_F(ImageTest, EveryFormOfAnImage) {
  ImageText text;
  text.layers = {Tar().directory("bin").program("bin/program", elf()).bytes()};
  for (const bool gzipped : {false, true}) {
    text.gzipped = gzipped;
    const auto layout = hostile::oci_layout(text);
    const std::string layout_directory = directory + "/layout" + (gzipped ? "-gzip" : "");
    for (const auto& [name, content] : layout) {
      fs::create_directories(fs::path(layout_directory + "/" + name).parent_path());
      std::ofstream(layout_directory + "/" + name, std::ios::binary) << content;
    }
    for (const std::string& path : {write(hostile::docker_archive(text)), std::string(), layout_directory, std::string("gzipped")}) {
      const std::string file = path.empty()       ? write(hostile::tar_of(layout))
                               : path == "gzipped" ? write(hostile::gzip(hostile::docker_archive(text)))
                               : path == layout_directory ? path
                                                           : write(hostile::docker_archive(text));
      const auto image = open_image(file, options);
      ASSERT_TRUE(image) << to_line(image.error());
      EXPECT_EQ(image->reference(), "app:1@" + image::digest_of(hostile::config_text(text)));
      EXPECT_EQ(programs(*image), "/bin/program ");
      const auto entry = entry_point(*image, "");
      ASSERT_TRUE(entry);
      const auto analysis = analyze(*image, *entry, {});
      ASSERT_TRUE(analysis) << to_line(analysis.error());
      EXPECT_EQ(analysis->origin.program, "program");
      EXPECT_FALSE(analysis->syscalls.empty());
    }
  }
}

TEST_F(ImageTest, TheImageForThisMachine) {
  ImageText here, there;
  here.layers = {Tar().program("bin/program", elf()).bytes()};
  there.layers = {Tar().file("bin/program", "another machine's").bytes()};
  there.architecture = "arm64";
  auto files = hostile::oci_layout(here, R"({"os":"linux","architecture":"amd64"})");
  const auto others = hostile::oci_layout(there, R"({"os":"linux","architecture":"arm64"})");
  const auto inner = [](const std::string& index) {
    const size_t start = index.find('[') + 1;
    return index.substr(start, index.rfind(']') - start);
  };
  const std::string both = R"({"schemaVersion":2,"manifests":[)" + inner(others.at("index.json")) + "," + inner(files.at("index.json")) +
                           R"(,{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:)" + std::string(64, '0') +
                           R"(","platform":{"os":"unknown","architecture":"unknown"}}]})";
  for (const auto& [name, content] : others) {
    if (name.starts_with("blobs/")) files[name] = content;
  }
  files["index.json"] = both;
  const auto image = open(hostile::tar_of(files));
  ASSERT_TRUE(image) << to_line(image.error());
  EXPECT_EQ(programs(*image), "/bin/program ");
  // An index in an index, as registries have it.
  files["blobs/sha256/" + hostile::hex_of(both)] = both;
  files["index.json"] = R"({"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":")" + image::digest_of(both) + R"("}]})";
  EXPECT_EQ(why(open(hostile::tar_of(files))), "it was opened");
  EXPECT_EQ(why(open(hostile::tar_of(others))),
            "image.tar: holds no image for linux/amd64, only for linux/arm64 (this version analyses images for linux/amd64)");
  EXPECT_EQ(why(open(hostile::docker_archive(there))), "image.tar: is an image for linux/arm64 (this version analyses images for linux/amd64)");
}

TEST_F(ImageTest, LayersOnTopOfEachOther) {
  const auto image = with_layers({
      Tar().directory("etc").file("etc/a", "1").file("etc/b", "1").file("etc/c", "1").directory("dir").file("dir/old", "1").file("dir/deep/x", "1")
          .symlink("lib", "usr/lib").file("usr/lib/one", "1").file("becomes-directory", "1").directory("becomes-file").file("becomes-file/x", "1")
          .bytes(),
      Tar().file("etc/a", "2").file("etc/.wh.b", "").file("dir/new", "2").file("dir/.wh..wh..opq", "").file("lib/two", "2")
          .file("becomes-directory/y", "2").file("becomes-file", "2").file(".wh..wh.aufs", "").file(".wh.nowhere", "").bytes(),
      Tar().hardlink("etc/d", "etc/a").file("etc/a", "3").hardlink("etc/link", "lib").bytes(),
  });
  ASSERT_TRUE(image) << to_line(image.error());
  EXPECT_EQ(listing(*image),
            "/becomes-directory/\n/becomes-directory/y = 2\n/becomes-file = 2\n/dir/\n/dir/new = 2\n/etc/\n/etc/a = 3\n/etc/c = 1\n/etc/d = 2\n"
            "/etc/link -> usr/lib\n/lib -> usr/lib\n/usr/\n/usr/lib/\n/usr/lib/one = 1\n/usr/lib/two = 2\n");
}

TEST_F(ImageTest, NothingLeavesTheImage) {
  std::ofstream(directory + "/victim") << "outside";
  const std::string outside = directory + "/victim";
  const auto image = with_layers({
      Tar().symlink("out", directory).file("out/planted", "planted").symlink("up", "../../../../../../../../../../tmp").file("up/planted", "planted")
          .symlink("file", outside).file("file", "inside").symlink("again", outside).hardlink("hard", "again")
          .file("/absolute/path", "inside").device("dev/null").fifo("pipe").symlink("loop", "loop").file("loop/x", "inside").bytes(),
      Tar().file("out/.wh.victim", "").file("out/.wh..wh..opq", "").bytes(),
  });
  ASSERT_TRUE(image) << to_line(image.error());
  std::ifstream in(outside);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "outside");
  EXPECT_FALSE(fs::exists(directory + "/planted"));
  EXPECT_FALSE(fs::exists("/tmp/planted"));
  const std::string all = listing(*image);
  EXPECT_NE(all.find("/file = inside\n"), std::string::npos) << all;
  EXPECT_NE(all.find("/absolute/path = inside\n"), std::string::npos) << all;
  EXPECT_NE(all.find("/loop/x = inside\n"), std::string::npos) << all;
  EXPECT_EQ(all.find("dev/null"), std::string::npos) << all;
  EXPECT_EQ(all.find("pipe"), std::string::npos) << all;
}

TEST_F(ImageTest, WhatIsRefused) {
  const auto one = [&](const Tar& layer) { return why(with_layers({layer.bytes()})); };
  EXPECT_EQ(one(Tar().file("../x", "")), "image.tar: layer 1: holds '../x', which leads out of the image (do not use this image)");
  EXPECT_EQ(one(Tar().file("a/../../x", "")), "image.tar: layer 1: holds 'a/../../x', which leads out of the image (do not use this image)");
  EXPECT_EQ(one(Tar().hardlink("x", "../../etc/passwd")),
            "image.tar: layer 1: holds a hard link to '../../etc/passwd', which leads out of the image (do not use this image)");
  EXPECT_EQ(one(Tar().hardlink("x", "/etc/passwd")),
            "image.tar: layer 1: holds a hard link to '/etc/passwd', which is not there (save the image again)");
  EXPECT_EQ(one(Tar().file("a/.wh...", "")), "image.tar: layer 1: holds the whiteout '.wh...', which names nothing (save the image again)");
  EXPECT_EQ(one(Tar().file("a/.wh.", "")), "image.tar: layer 1: holds the whiteout '.wh.', which names nothing (save the image again)");
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "d/";
  EXPECT_EQ(one(Tar().file(deep + "x", "")), "image.tar: layer 1: holds a name of 601 bytes and 301 directories (do not use this image)");
  EXPECT_NE(why(with_layers({Tar().claims("x", uint64_t{1} << 32).unfinished()})).find("image.tar: layer 1: cannot be read as a tar archive: "),
            std::string::npos);
  EXPECT_NE(why(with_layers({"this is no tar archive, whatever it says it is" + std::string(2000, 'x')})).find("image.tar: layer 1: cannot be read as"),
            std::string::npos);
}

TEST_F(ImageTest, Limits) {
  const std::string zeros(8 << 20, '\0');
  options.most_bytes = 4 << 20;
  EXPECT_EQ(why(with_layers({Tar().file("zeros", zeros).bytes()}, true)),
            "image.tar: layer 1: the image is larger than is unpacked: its layers hold more than was allowed (do not use this image)");
  options = {.temporary = options.temporary};
  options.most_written = 1 << 20;
  EXPECT_EQ(why(with_layers({Tar().file("program", "\x7f" "ELF" + zeros).bytes()}, true)),
            "image.tar: layer 1: the image holds more than 1 MiB of programs and small files (do not use this image)");
  options = {.temporary = options.temporary};
  options.most_entries = 3;
  EXPECT_EQ(why(with_layers({Tar().file("a", "").file("b", "").bytes(), Tar().file("c", "").file("d", "").bytes()})),
            "image.tar: layer 2: the image holds more than 3 files (do not use this image)");
  options = {.temporary = options.temporary};
  // Of a large file that is no program the beginning is kept.
  const auto image = with_layers({Tar().file("zeros", zeros).file("program", "\x7f" "ELF" + zeros).bytes()});
  ASSERT_TRUE(image);
  EXPECT_EQ(fs::file_size(image->directory() + "/zeros"), 1u << 20);
  EXPECT_EQ(fs::file_size(image->directory() + "/program"), zeros.size() + 4);
}

TEST_F(ImageTest, WrongDocuments) {
  ImageText text;
  text.layers = {Tar().program("bin/program", elf()).bytes()};
  // An archive of three parts, each as it is given here.
  const std::string config_bytes = hostile::config_text(text);
  const std::string config = hostile::hex_of(config_bytes) + ".json";
  const std::string manifest = R"([{"Config":")" + config + R"(","RepoTags":["app:1"],"Layers":["layer0/layer.tar"]}])";
  const auto made_of = [&](const std::string& layer, const std::string& configuration, const std::string& list,
                           const std::string& list_name = "manifest.json") {
    Tar tar;
    tar.file("layer0/layer.tar", layer).file(config, configuration).file(list_name, list);
    return why(open(tar.bytes()));
  };
  const auto with = [](std::string in, const std::string& from, const std::string& to) { return in.replace(in.find(from), from.size(), to); };
  EXPECT_EQ(made_of(text.layers[0], config_bytes, manifest), "it was opened");
  EXPECT_EQ(made_of(text.layers[0], with(config_bytes, "amd64", "amd65"), manifest),
            "image.tar: " + config + ": has another content than its digest says (save the image again)");
  EXPECT_EQ(made_of(text.layers[0] + std::string(512, '\0'), config_bytes, manifest),
            "image.tar: layer 1: has another content than its digest says (save the image again)");
  EXPECT_EQ(made_of(text.layers[0], config_bytes, with(manifest, "layer0/", "layer9/")),
            "image.tar: layer9/layer.tar: is not in the image (save the image again)");
  EXPECT_EQ(made_of(text.layers[0], config_bytes, with(manifest, "\"layer0/layer.tar\"", "")),
            "image.tar: " + config + ": lists 1 layers where the manifest has 0 (save the image again)");
  EXPECT_EQ(made_of(text.layers[0], config_bytes, manifest, "manifests.txt"),
            "image.tar: holds neither manifest.json nor index.json: it is no container image (name what docker save or podman save wrote, or an "
            "OCI image layout)");
  EXPECT_EQ(made_of(text.layers[0], config_bytes, with(manifest, "Config", "Konfig")).substr(0, 25), "image.tar: manifest.json:");
  EXPECT_EQ(made_of(text.layers[0], config_bytes, "[{").substr(0, 25), "image.tar: manifest.json:");
  EXPECT_EQ(made_of(text.layers[0], config_bytes, with(manifest, config, "../../etc/passwd")),
            "image.tar: manifest.json: /images/0/Config: '../../etc/passwd' is not called after its digest");
  ImageText other = text;
  other.config = R"("Cmd":["x"])";
  other.tag = "other:2";
  const std::string first_manifest = R"([{"Config":")" + config;
  const std::string second = hostile::config_text(other);
  Tar archive;
  archive.file("layer0/layer.tar", text.layers[0]).file(config, config_bytes).file(hostile::hex_of(second) + ".json", second);
  archive.file("manifest.json", first_manifest + R"(","RepoTags":["app:1"],"Layers":["layer0/layer.tar"]},{"Config":")" + hostile::hex_of(second) +
                                    R"(.json","RepoTags":["other:2"],"Layers":["layer0/layer.tar"]}])");
  EXPECT_EQ(why(open(archive.bytes())), "image.tar: holds 2 images: app:1, other:2 (save one of them alone)");
  EXPECT_EQ(why(open("")), "image.tar: is no tar archive, or an empty one (name what docker save or podman save wrote)");
  EXPECT_NE(why(open(std::string(3000, 'x'))).find("image.tar: cannot be read as a tar archive: "), std::string::npos);
  EXPECT_EQ(why(open_image(directory + "/none", options)), "none: No such file or directory (check the path)");
  fs::create_directory(directory + "/empty");
  EXPECT_EQ(why(open_image(directory + "/empty", options)),
            "empty: is a directory without an image in it (name what docker save or podman save wrote, or an OCI image layout; for an unpacked "
            "file system use --sysroot)");
  ASSERT_EQ(::mkfifo((directory + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(why(open_image(directory + "/fifo", options)), "fifo: is not a regular file (save the image to a file first)");
}

TEST_F(ImageTest, EveryPrefixIsSurvived) {
  ImageText text;
  text.layers = {Tar().program("bin/program", "#!/bin/sh\n").bytes()};
  text.gzipped = true;
  const std::string good = hostile::docker_archive(text);
  for (size_t size = 0; size < good.size(); size += 97) {
    const auto image = open(good.substr(0, size));
    if (!image) {
      EXPECT_EQ(to_line(image.error()).find('\n'), std::string::npos);
    }
  }
}

TEST_F(ImageTest, WhatRuns) {
  const std::string layer = Tar().program("bin/program", elf()).program("usr/bin/env", elf() + "env").program("usr/local/bin/tool", "#!/usr/bin/env -S X=1 sh\n")
                                .program("bin/sh", elf() + "sh").program("entry.sh", "#! /bin/sh -e\nexec x\n").file("bin/plain", elf())
                                .program("srv/here", "#!../bin/sh").program("bin/text", "words").program("bin/nothing", "#!\n")
                                .program("bin/loop", "#!/bin/loop\n").symlink("bin/link", "/bin/program").bytes();
  const auto runs = [&](const std::string& config, const std::string& program = "") {
    const auto image = with_config(config, layer);
    return image ? programs(*image, program) : to_line(image.error());
  };
  EXPECT_EQ(runs(R"("Entrypoint":["program"],"Cmd":["x"])"), "/bin/program ");
  EXPECT_EQ(runs(R"("Cmd":["link"],"Env":["A=b","PATH=/sbin:/bin"])"), "/bin/link ");
  EXPECT_EQ(runs(R"("Cmd":["tool"])"), "script /usr/local/bin/tool /usr/bin/env /bin/sh ");
  EXPECT_EQ(runs(R"("Entrypoint":["/entry.sh"],"Cmd":["program"])"), "script /entry.sh /bin/sh ");
  EXPECT_EQ(runs(R"("Cmd":["./here"],"WorkingDir":"/srv")"), "script /srv/./here /srv/../bin/sh ");
  EXPECT_EQ(runs(R"("Cmd":["program"])", "sh"), "/bin/sh ");
  EXPECT_EQ(runs(""), "says neither Entrypoint nor Cmd: it does not start anything by itself");
  EXPECT_EQ(runs(R"("Cmd":["plain"])"), "holds no program 'plain' in its PATH (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)");
  EXPECT_EQ(runs(R"("Cmd":["/bin/none"])"), "holds no program '/bin/none'");
  EXPECT_EQ(runs(R"("Cmd":["text"])"), "starts /bin/text, which is neither an ELF program nor a script");
  EXPECT_EQ(runs(R"("Cmd":["nothing"])"), "starts the script /bin/nothing, which names no interpreter");
  EXPECT_EQ(runs(R"("Cmd":["loop"])"), "starts a script that is run by a script, 5 times over");
}

TEST_F(ImageTest, ScriptsAndShellsAreGaps) {
  const std::string layer = Tar().program("bin/sh", elf()).program("entry", "#!/bin/sh\n").bytes();
  for (const auto& [config, what] : {std::pair{R"("Entrypoint":["/entry"])", "runs the script /entry; what it starts was not followed"},
                                     {R"("Cmd":["/bin/sh","-c","exec nginx"])", "runs the command line 'exec nginx'; what it starts was not followed"}}) {
    const auto image = with_config(config, layer);
    ASSERT_TRUE(image);
    const auto entry = entry_point(*image, "");
    ASSERT_TRUE(entry);
    const auto analysis = analyze(*image, *entry, {});
    ASSERT_TRUE(analysis);
    ASSERT_FALSE(analysis->gaps.empty());
    EXPECT_EQ(analysis->gaps[0].kind, GapKind::ExecInherits);
    EXPECT_EQ(analysis->gaps[0].what, what);
  }
}

}  // namespace
}  // namespace stile
