// SPDX-License-Identifier: Apache-2.0
#include "base/running_code.h"

#include <cstring>

#include <elf.h>
#include <link.h>
#include <sys/stat.h>

#include "base/lookups.h"

namespace stile {

namespace {

struct Code {
  std::string text;
  bool known = true;
};

std::string hex_of(const unsigned char* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

// In the notes of a segment of this very process.
std::string build_id_in(const unsigned char* notes, size_t size) {
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes, sizeof note);
    const size_t name = (size_t{note.n_namesz} + 3) / 4 * 4, value = (size_t{note.n_descsz} + 3) / 4 * 4;
    const size_t whole = sizeof note + name + value;
    if (whole > size) break;
    const unsigned char* text = notes + sizeof note;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(text, "GNU", 4) == 0) return hex_of(text + name, note.n_descsz);
    notes += whole;
    size -= whole;
  }
  return {};
}

int add_object(dl_phdr_info* object, size_t, void* data) {
  Code& code = *static_cast<Code*>(data);
  const std::string name = object->dlpi_name == nullptr ? "" : object->dlpi_name;
  // The program has no name; what has one without a slash is the kernel's vDSO.
  if (!name.empty() && name.find('/') == name.npos) return 0;
  std::string identity;
  for (unsigned i = 0; i < object->dlpi_phnum && identity.empty(); ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    // 8 bytes of alignment are for other notes, laid out in another way.
    if (header.p_type != PT_NOTE || header.p_align == 8) continue;
    identity = build_id_in(reinterpret_cast<const unsigned char*>(object->dlpi_addr + header.p_vaddr), header.p_memsz);
  }
  if (identity.empty()) {
    struct stat status {};
    code.known &= ::stat(name.empty() ? "/proc/self/exe" : name.c_str(), &status) == 0;
    identity = state_of(status);
  }
  code.text += name + "=" + identity + "\n";
  return 0;
}

}  // namespace

std::string running_code() {
  Code code;
  ::dl_iterate_phdr(add_object, &code);
  return code.known ? code.text : std::string();
}

}  // namespace stile
