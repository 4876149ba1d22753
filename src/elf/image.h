// SPDX-License-Identifier: Apache-2.0
//
// An ELF file as its loader sees it: segments, dynamic table, symbols and relocations, all by virtual address. Section
// headers are used where they help and never needed. Total on hostile input: what does not fit the file is an Error or
// is left out, and every count is bounded by the file's size.
//
// Facts: System V ABI, "Object Files" and "Program Loading and Dynamic Linking"; x86-64 psABI for relocation types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <stile/result.h>

#include "base/bytes.h"
#include "base/file.h"

namespace stile::elf {

struct Segment {
  uint64_t address = 0;      // virtual, as in the file
  uint64_t memory_size = 0;  // file_size and zeroes after it
  uint64_t file_offset = 0;
  uint64_t file_size = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  uint64_t end() const { return address + memory_size; }
};

struct Section {
  std::string_view name;
  uint32_t type = 0;
  uint64_t flags = 0;
  uint64_t address = 0;
  uint64_t file_offset = 0;
  uint64_t size = 0;
};

struct Symbol {
  std::string_view name;
  uint64_t value = 0;
  uint64_t size = 0;
  uint8_t type = 0;     // STT_*
  uint8_t binding = 0;  // STB_*
  uint16_t section = 0; // SHN_UNDEF = 0: imported
  uint8_t visibility = 0;       // STV_*
  uint16_t version_index = 1;   // dynamic symbols: 0 local, 1 no version, 2 the file's first version, 3 and more others
  bool hidden_version = false;  // dynamic symbols: not the default version (foo@V rather than foo@@V)
  std::string_view version;     // dynamic symbols: version name wanted or defined, empty if none
  bool defined() const { return section != 0; }
};

struct Relocation {
  uint64_t address = 0;
  uint32_t type = 0;    // R_X86_64_*
  uint32_t symbol = 0;  // index into dynamic_symbols
  int64_t addend = 0;
};

class Image {
 public:
  // Takes the bytes. `path` is used in messages and as the object's name.
  // Errors: NotElf, Malformed, Unsupported (class, machine, kind of file); each names the field that is wrong.
  static Result<Image> parse(FileBytes bytes, std::string path);

  const std::string& path() const { return path_; }
  uint64_t file_size() const { return bytes_.size(); }
  bool position_independent() const { return position_independent_; }
  bool dynamic() const { return !dynamic_.empty(); }
  std::string_view interpreter() const { return interpreter_; }
  uint64_t entry() const { return entry_; }
  uint64_t headers_size() const { return headers_size_; }  // ELF header and program headers, from the start of the file
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<Section>& sections() const { return sections_; }
  const std::vector<std::string_view>& needed() const { return needed_; }
  // Libraries whose symbols come before this one's own: DT_FILTER, which must be there, and DT_AUXILIARY, which need not.
  struct Filter {
    std::string_view name;
    bool required;
  };
  const std::vector<Filter>& filters() const { return filters_; }
  // DT_AUDIT and DT_DEPAUDIT: libraries that watch the dynamic linker, each entry a list with colons.
  const std::vector<std::string_view>& auditors() const { return auditors_; }
  bool binds_to_itself() const { return binds_to_itself_; }  // DT_SYMBOLIC: its own definitions come first
  bool no_default_libraries() const { return no_default_libraries_; }  // DF_1_NODEFLIB
  std::string_view soname() const { return soname_; }
  std::string_view rpath() const { return rpath_; }
  std::string_view runpath() const { return runpath_; }
  bool has_runpath() const { return has_runpath_; }  // it may be empty
  const std::vector<Symbol>& symbols() const { return symbols_; }                  // .symtab, may be empty
  // Address and size of data symbols, sorted; may be empty.
  const std::vector<std::pair<uint64_t, uint64_t>>& variables() const { return variables_; }
  // Address and size in the file of what every thread's variables start as (PT_TLS); size 0 if there is none.
  std::pair<uint64_t, uint64_t> thread_local_template() const { return thread_local_; }
  const std::vector<Symbol>& dynamic_symbols() const { return dynamic_symbols_; }  // by dynamic symbol index
  const std::vector<Relocation>& relocations() const { return relocations_; }      // sorted by address
  // Addresses in DT_INIT and DT_FINI. The arrays are relocated data and found as such.
  std::vector<uint64_t> initialiser_functions() const;
  // Addresses of the arrays of such functions, and their sizes in bytes: DT_INIT_ARRAY and DT_FINI_ARRAY. Size 0: none.
  std::pair<uint64_t, uint64_t> initialiser_array() const;
  std::pair<uint64_t, uint64_t> finaliser_array() const;
  uint64_t eh_frame_hdr() const { return eh_frame_hdr_; }  // address, 0 if none
  std::string gnu_build_id() const;                        // hex, empty if none
  const Section* section(std::string_view name) const;

  // The file-backed bytes from `address` to the end of its segment; empty if the address lies in none.
  Bytes at(uint64_t address) const;
  Bytes at(uint64_t address, uint64_t length) const { return at(address).part(0, length); }
  // Whole file.
  Bytes file() const { return {bytes_.data(), bytes_.size()}; }
  // Null if the address is in no segment (memory size counts).
  const Segment* segment_of(uint64_t address) const;

  // The word at `address`, with zeroes beyond a segment's file part; nothing outside every segment.
  template <typename T>
  std::optional<T> read(uint64_t address) const {
    if (auto value = at(address).read<T>(0)) return value;
    const Segment* segment = segment_of(address);
    if (segment == nullptr || segment->end() - address < sizeof(T)) return std::nullopt;
    return T{0};
  }
  // Gives back the memory of segments that will not be read for a while (see FileBytes::release): the executable ones, or
  // the others. Segments into which relocated values were written are kept.
  void release(bool executable) const;
  // The same for `length` bytes at an address.
  void release(uint64_t address, uint64_t length) const;

  // Writes a relocated value into the private copy; ignored outside file-backed bytes.
  void write_word(uint64_t address, uint64_t value);

 private:
  Image(FileBytes bytes, std::string path) : bytes_(std::move(bytes)), path_(std::move(path)) {}
  Result<void> parse_headers();
  void parse_sections();
  Result<void> parse_dynamic();
  void parse_symbols(uint64_t table, uint64_t strings, uint64_t strings_size, uint64_t count);
  // False: the entries overlap, no linker writes such a table.
  bool parse_versions(uint64_t versym, uint64_t verneed, uint64_t verneed_count, uint64_t verdef,
                      uint64_t verdef_count, uint64_t strings, uint64_t strings_size);
  void parse_symtab();
  void parse_rela(uint64_t address, uint64_t size);
  bool parse_relr(uint64_t address, uint64_t size);

  FileBytes bytes_;
  std::string path_;
  bool position_independent_ = false;
  uint64_t entry_ = 0;
  uint64_t headers_size_ = 0;
  uint64_t eh_frame_hdr_ = 0;
  uint64_t dynamic_address_ = 0;
  uint64_t dynamic_size_ = 0;
  std::string_view interpreter_;
  std::string_view soname_, rpath_, runpath_;
  std::vector<Segment> segments_;
  std::vector<bool> written_;  // by segment
  std::vector<Section> sections_;
  std::vector<std::pair<int64_t, uint64_t>> dynamic_;
  std::vector<std::string_view> needed_;
  std::vector<Filter> filters_;
  std::vector<std::string_view> auditors_;
  bool has_runpath_ = false;
  bool binds_to_itself_ = false;
  bool no_default_libraries_ = false;
  std::vector<Symbol> symbols_, dynamic_symbols_;
  std::vector<std::pair<uint64_t, uint64_t>> variables_;
  std::pair<uint64_t, uint64_t> thread_local_{};
  std::vector<Relocation> relocations_;
  std::vector<std::pair<uint64_t, uint64_t>> notes_;  // file offset, size
};

}  // namespace stile::elf
