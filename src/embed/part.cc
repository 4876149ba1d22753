// SPDX-License-Identifier: Apache-2.0
#include "embed/part.h"

#include <algorithm>
#include <cstring>

#include <zlib.h>

#include "embed/stub.h"

namespace stile::embed {
namespace {

constexpr uint32_t kMaxRecord = 16u << 20;
constexpr size_t kMaxPatches = 16;

// The record: little-endian numbers, and strings behind their length.
class Writer {
 public:
  void u32(uint32_t value) { raw(&value, sizeof value); }
  void u64(uint64_t value) { raw(&value, sizeof value); }
  void text(std::string_view value) {
    u32(static_cast<uint32_t>(value.size()));
    raw(value.data(), value.size());
  }
  void raw(const void* data, size_t size) {
    const auto* start = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), start, start + size);
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  std::string text() {
    const uint32_t length = u32();
    const std::string_view view = bytes_.text(at_, length);
    good_ = good_ && view.size() == length;
    at_ += length;
    return std::string(view);
  }
  // Everything there was, and nothing more.
  bool done() const { return good_ && at_ == bytes_.size(); }

 private:
  template <typename T>
  T number() {
    const auto value = bytes_.read<T>(at_);
    good_ = good_ && value.has_value();
    at_ += sizeof(T);
    return value.value_or(0);
  }
  Bytes bytes_;
  uint64_t at_ = 0;
  bool good_ = true;
};

std::vector<uint8_t> record_of(const Embedding& what, const Undo& undo) {
  Writer out;
  out.u64(what.time);
  out.text(what.tool_version);
  out.text(what.source);
  out.text(what.profile);
  out.u64(undo.size);
  out.u32(undo.checksum);
  out.u32(static_cast<uint32_t>(undo.patches.size()));
  for (const Patch& patch : undo.patches) {
    out.u64(patch.offset);
    out.text({reinterpret_cast<const char*>(patch.bytes.data()), patch.bytes.size()});
  }
  return out.bytes();
}

bool read_record(Bytes record, Part* part) {
  Reader in(record);
  part->what.time = in.u64();
  part->what.tool_version = in.text();
  part->what.source = in.text();
  part->what.profile = in.text();
  part->undo.size = in.u64();
  part->undo.checksum = in.u32();
  const uint32_t patches = in.u32();
  if (patches > kMaxPatches) return false;
  for (uint32_t i = 0; i < patches; ++i) {
    Patch patch;
    patch.offset = in.u64();
    const std::string bytes = in.text();
    patch.bytes.assign(bytes.begin(), bytes.end());
    part->undo.patches.push_back(std::move(patch));
  }
  return in.done();
}

std::optional<std::vector<uint8_t>> unpack(Bytes masked, uint32_t mask, uint32_t length) {
  if (length > kMaxRecord || mask > 255) return std::nullopt;
  std::vector<uint8_t> packed(masked.begin(), masked.end());
  for (uint8_t& byte : packed) byte ^= static_cast<uint8_t>(mask);
  std::vector<uint8_t> out(length);
  uLongf got = length;
  if (uncompress(out.data(), &got, packed.data(), packed.size()) != Z_OK || got != length)
    return std::nullopt;
  return out;
}

// Packed bytes look like code to who takes the executable part for code alone, and now and then like a system
// call: 0F 05, 0F 34, CD 80. With some mask they do not.
uint8_t without_calls(std::vector<uint8_t>& bytes) {
  const auto has_call = [&](uint8_t mask) {
    for (size_t i = 0; i + 1 < bytes.size(); ++i) {
      const int pair = (bytes[i] ^ mask) << 8 | (bytes[i + 1] ^ mask);
      if (pair == 0x0f05 || pair == 0x0f34 || pair == 0xcd80) return true;
    }
    return false;
  };
  uint8_t mask = 0;
  while (mask < 255 && has_call(mask)) ++mask;
  for (uint8_t& byte : bytes) byte ^= mask;
  return mask;
}

uint32_t checksum_of(Bytes part) {
  PartHeader header;
  std::memcpy(&header, part.data(), sizeof header);
  header.checksum = 0;
  const uint32_t first = crc32_of({reinterpret_cast<const uint8_t*>(&header), sizeof header});
  return crc32_of(part.from(sizeof header), first);
}

tl::unexpected<Error> damaged(const std::string& what, const std::string& name) {
  return fail(Code::Malformed, "has an embedded filter that is damaged: " + what, name,
              "do not rely on it; build the program again, then embed");
}

}  // namespace

uint32_t crc32_of(Bytes bytes, uint32_t before) {
  return static_cast<uint32_t>(crc32_z(before, bytes.data(), bytes.size()));
}

Result<PartBytes> make_part(const Embedding& what, const Program& installed, const Undo& undo,
                            const PartPlan& plan, const std::string& name) {
  const std::vector<uint8_t> record = record_of(what, undo);
  if (record.size() > kMaxRecord)
    return fail(Code::Limit, "the profile is too large to travel in the file", name);
  uLongf packed_size = compressBound(record.size());
  std::vector<uint8_t> packed(packed_size);
  if (compress2(packed.data(), &packed_size, record.data(), record.size(), Z_BEST_COMPRESSION) != Z_OK) {
    return fail(Code::Limit, "the profile cannot be compressed: there is not enough memory", name);
  }
  packed.resize(packed_size);
  const uint8_t mask = without_calls(packed);

  PartHeader header{};
  std::memcpy(header.magic, kPartMagic, sizeof header.magic);
  header.address = plan.address;
  header.prologue = static_cast<uint32_t>(installed.size() - what.program.size());
  header.placement = static_cast<uint32_t>(plan.placement);
  header.mask = mask;
  header.table = plan.table.empty() ? 0 : kTableOffset;
  const size_t table_bytes = plan.table.size() * sizeof(ProgramHeader);
  header.stub = static_cast<uint32_t>(round_up(kTableOffset + table_bytes, 16));
  const Stub stub = make_stub(installed, self_key(what.program), what.on_failure, name,
                              plan.address + header.stub, plan.entry);
  header.record = static_cast<uint32_t>(round_up(header.stub + stub.bytes.size(), 8));
  header.record_size = static_cast<uint32_t>(packed.size());
  header.record_length = static_cast<uint32_t>(record.size());
  header.size = static_cast<uint32_t>(round_up(header.record + packed.size(), 16));

  PartBytes part;
  part.entry = plan.address + header.stub;
  part.bytes.resize(header.size);
  if (!plan.table.empty()) {
    std::vector<ProgramHeader> table = plan.table;
    table[plan.own_entry].file_size = table[plan.own_entry].memory_size = header.size;
    std::memcpy(part.bytes.data() + kTableOffset, table.data(), table_bytes);
  }
  std::copy(stub.bytes.begin(), stub.bytes.end(), part.bytes.begin() + header.stub);
  std::copy(packed.begin(), packed.end(), part.bytes.begin() + header.record);
  std::memcpy(part.bytes.data(), &header, sizeof header);
  header.checksum = checksum_of({part.bytes.data(), part.bytes.size()});
  std::memcpy(part.bytes.data(), &header, sizeof header);
  return part;
}

bool looks_like_part(Bytes bytes) {
  return bytes.size() >= sizeof(PartHeader) && std::memcmp(bytes.data(), kPartMagic, sizeof kPartMagic) == 0;
}

Result<Part> read_part(Bytes bytes, const std::string& name) {
  if (!looks_like_part(bytes)) return damaged("its header is gone", name);
  PartHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.size < sizeof header || header.size > kMaxPart || !bytes.holds(0, header.size)) {
    return damaged("it ends early", name);
  }
  const Bytes whole = bytes.part(0, header.size);
  if (checksum_of(whole) != header.checksum) return damaged("its checksum is wrong", name);
  const Bytes packed = whole.part(header.record, header.record_size);
  if (header.stub >= header.record || header.placement > static_cast<uint32_t>(Placement::Move) ||
      packed.empty()) {
    return damaged("its header contradicts itself", name);
  }
  const auto stub =
      read_stub(whole.part(header.stub, header.record - header.stub), header.address + header.stub);
  if (!stub) return damaged("the code that installs the filter is not stile's, or another version's", name);
  if (header.prologue >= stub->installed.size()) return damaged("it has no filter", name);

  Part part;
  part.installed = stub->installed;
  part.what.program.assign(stub->installed.begin() + header.prologue, stub->installed.end());
  part.what.on_failure = stub->on_failure;
  part.placement = static_cast<Placement>(header.placement);
  part.address = header.address;
  part.size = header.size;
  part.entry = stub->entry;
  const auto aware = self_aware(part.what.program);
  const SelfKey key = self_key(part.what.program);
  if (!aware || *aware != part.installed || key.key != stub->key.key || key.answer != stub->key.answer) {
    return damaged("its filter is none that stile embeds", name);
  }
  const auto record = unpack(packed, header.mask, header.record_length);
  if (!record || !read_record({record->data(), record->size()}, &part))
    return damaged("its record cannot be read", name);
  return part;
}

void deface(uint8_t* part) {
  std::memset(part, 0, sizeof kPartMagic);
}

}  // namespace stile::embed
