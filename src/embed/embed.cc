// SPDX-License-Identifier: Apache-2.0
//
// Puts a part into a file, finds it, takes it out.
#include <stile/embed.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "embed/part.h"
#include "embed/placement.h"

namespace stile {
namespace embed {
namespace {

constexpr size_t kMaxFile = size_t{INT32_MAX};

Bytes view(std::span<const uint8_t> bytes) {
  return {bytes.data(), bytes.size()};
}

template <typename T>
void append(std::vector<uint8_t>& file, const std::vector<T>& items) {
  const auto* start = reinterpret_cast<const uint8_t*>(items.data());
  file.insert(file.end(), start, start + items.size() * sizeof(T));
}

// The section headers with one more for the part, behind everything else, and with them a new table of names.
// What is not described by a section is thrown away by strip and objcopy.
void add_sections(const ElfFile& elf, const Plan& plan, uint64_t part_size, std::vector<uint8_t>& file,
                  FileHeader& header) {
  std::vector<SectionHeader> sections = elf.sections;
  const SectionHeader& old_names = sections[header.names_index];
  const Bytes names = elf.bytes.part(old_names.offset, old_names.size);
  std::vector<uint8_t> text(names.begin(), names.end());
  if (text.empty() || text.back() != 0) text.push_back(0);

  SectionHeader own{};
  own.name = static_cast<uint32_t>(text.size());
  own.type = kProgramBits;
  own.flags = kAllocated | kInstructions;
  own.address = plan.address;
  own.offset = plan.offset;
  own.size = part_size;
  own.align = 16;
  for (const char* c = kSectionName; *c != 0; ++c) text.push_back(static_cast<uint8_t>(*c));
  text.push_back(0);

  sections[header.names_index].offset = file.size();
  sections[header.names_index].size = text.size();
  sections.push_back(own);
  append(file, text);
  file.resize(round_up(file.size(), 8));
  header.section_offset = file.size();
  header.section_count = static_cast<uint16_t>(sections.size());
  append(file, sections);
}

Undo undo_for(const ElfFile& elf, const Plan& plan) {
  Undo undo;
  undo.size = elf.bytes.size();
  undo.checksum = crc32_of(elf.bytes);
  const auto keep = [&](uint64_t offset, uint64_t size) {
    const Bytes old = elf.bytes.part(offset, size);
    undo.patches.push_back({offset, {old.begin(), old.end()}});
  };
  keep(0, sizeof(FileHeader));
  // A moved table leaves the old one as it is.
  if (plan.placement != Placement::Move)
    keep(elf.header.program_offset, plan.table.size() * sizeof(ProgramHeader));
  return undo;
}

bool within_reach(uint64_t from, uint64_t to) {
  const auto distance = static_cast<int64_t>(to - from);
  constexpr int64_t kReach = int64_t{INT32_MAX} - kMaxPart;
  return distance > -kReach && distance < kReach;
}

Result<Placed> place(const ElfFile& elf, const Embedding& what, const EmbedOptions& options) {
  auto installed = self_aware(what.program);
  if (!installed) return tl::unexpected(installed.error());
  auto plan = plan_placement(elf, options.placement, options.name);
  if (!plan) return tl::unexpected(plan.error());
  if (!within_reach(plan->address, elf.header.entry)) {
    return fail(Code::Unsupported,
                "is too large: its entry point is more than 2 GiB from where the filter can be",
                options.name);
  }

  PartPlan how{plan->address, elf.header.entry, plan->placement, {}, plan->own_entry};
  if (plan->placement == Placement::Move) how.table = plan->table;
  for (ProgramHeader& segment : how.table) {
    if (segment.type != kProgramHeaders) continue;
    segment.offset = plan->offset + kTableOffset;
    segment.address = segment.physical = plan->address + kTableOffset;
  }
  auto part = make_part(what, *installed, undo_for(elf, *plan), how, options.name);
  if (!part) return tl::unexpected(part.error());

  Placed placed;
  placed.placement = plan->placement;
  placed.notes = plan->notes;
  std::vector<uint8_t>& file = placed.file;
  // At once: behind a hole it would be copied with all of that.
  file.reserve(plan->offset + part->bytes.size() + (elf.sections.size() + 1) * sizeof(SectionHeader) +
               (elf.sections.empty() ? 0 : elf.sections[elf.header.names_index].size + kPage));
  file.assign(elf.bytes.begin(), elf.bytes.end());
  file.resize(plan->offset);
  append(file, part->bytes);

  FileHeader header = elf.header;
  header.entry = part->entry;
  header.program_count = static_cast<uint16_t>(plan->table.size());
  if (!elf.sections.empty() && elf.sections.size() + 1 < kMaxSections) {
    add_sections(elf, *plan, part->bytes.size(), file, header);
  }
  if (plan->placement == Placement::Move) {
    header.program_offset = plan->offset + kTableOffset;
  } else {
    ProgramHeader& own = plan->table[plan->own_entry];
    own.file_size = own.memory_size = part->bytes.size();
    std::memcpy(file.data() + header.program_offset, plan->table.data(),
                plan->table.size() * sizeof(ProgramHeader));
  }
  std::memcpy(file.data(), &header, sizeof header);
  return placed;
}

// The part of a file that has one, and where in the file it begins.
struct Found {
  Part part;
  uint64_t offset = 0;
};

Result<std::optional<Found>> find(const ElfFile& elf, const std::string& name) {
  std::optional<Found> found;
  for (const ProgramHeader& segment : elf.segments) {
    if (segment.type != kLoad) continue;
    const Bytes bytes = elf.bytes.part(segment.offset, segment.file_size);
    if (!looks_like_part(bytes)) continue;
    auto part = read_part(bytes, name);
    if (!part) return tl::unexpected(part.error());
    PartHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const bool entered = segment.address == part->address && elf.header.entry == part->address + header.stub;
    if (!entered || (segment.flags & kExecutable) == 0 || found) {
      return fail(Code::Malformed,
                  "has an embedded filter that is never installed: the entry point does not lead to it", name,
                  "do not rely on it; build the program again, then embed");
    }
    found = Found{std::move(*part), segment.offset};
  }
  return found;
}

// The file as it was, if the undo information fits it.
std::optional<std::vector<uint8_t>> original(Bytes file, const Undo& undo) {
  if (undo.size > file.size()) return std::nullopt;
  std::vector<uint8_t> bytes(file.begin(), file.begin() + undo.size);
  for (const Patch& patch : undo.patches) {
    if (patch.offset > bytes.size() || patch.bytes.size() > bytes.size() - patch.offset) return std::nullopt;
    std::copy(patch.bytes.begin(), patch.bytes.end(), bytes.begin() + static_cast<ptrdiff_t>(patch.offset));
  }
  if (crc32_of({bytes.data(), bytes.size()}) != undo.checksum) return std::nullopt;
  return bytes;
}

Removed take_out(const ElfFile& elf, const Found& found) {
  if (auto before = original(elf.bytes, found.part.undo)) return {std::move(*before), true};
  // The file was changed since. What counts can still be undone: the entry.
  Removed removed;
  removed.exact = false;
  removed.file.assign(elf.bytes.begin(), elf.bytes.end());
  std::memcpy(removed.file.data() + offsetof(FileHeader, entry), &found.part.entry, sizeof found.part.entry);
  deface(removed.file.data() + found.offset);
  return removed;
}

}  // namespace
}  // namespace embed

std::string_view to_string(Placement placement) {
  switch (placement) {
    case Placement::Grow:
      return "grow";
    case Placement::Note:
      return "note";
    case Placement::Move:
      return "move";
  }
  return "";
}

Result<Placed> embed_filter(std::span<const uint8_t> file, const Embedding& what,
                            const EmbedOptions& options) {
  using namespace embed;
  if (file.size() > kMaxFile) return fail(Code::Limit, "is larger than 2 GiB", options.name);
  auto elf = read_elf(view(file), options.name);
  if (!elf) return tl::unexpected(elf.error());
  auto before = find(*elf, options.name);
  if (!before) return tl::unexpected(before.error());
  std::vector<uint8_t> base;
  if (*before) {
    base = take_out(*elf, **before).file;
    elf = read_elf(view(base), options.name);
    if (!elf) return tl::unexpected(elf.error());
  }
  if (auto good = check_embeddable(*elf, options.name); !good) return tl::unexpected(good.error());
  auto placed = place(*elf, what, options);
  if (!placed) return placed;

  // What is handed out is known to be entered through its filter, and to give back what it was made of.
  const auto made = find_embedded(placed->file, options.name);
  if (!made) return tl::unexpected(made.error());
  const bool right =
      *made && (*made)->what == what && (*made)->original_known && (*made)->entry == elf->header.entry;
  if (!right)
    return fail(Code::Unsupported, "cannot be given a filter: the result does not check out", options.name);
  return placed;
}

Result<void> can_embed(std::span<const uint8_t> file, const std::string& name) {
  using namespace embed;
  auto found = find_embedded(file, name);
  if (!found) return tl::unexpected(found.error());
  if (*found) return {};  // there was room once
  auto elf = read_elf(view(file), name);
  if (!elf) return tl::unexpected(elf.error());
  if (auto good = check_embeddable(*elf, name); !good) return good;
  auto plan = plan_placement(*elf, std::nullopt, name);
  if (!plan) return tl::unexpected(plan.error());
  return {};
}

Result<std::optional<Embedded>> find_embedded(std::span<const uint8_t> file, const std::string& name) {
  using namespace embed;
  auto elf = read_elf(view(file), name);
  if (!elf) return tl::unexpected(elf.error());
  auto found = find(*elf, name);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::optional<Embedded>();
  Part& part = (*found)->part;
  Embedded embedded;
  embedded.original_known = original(elf->bytes, part.undo).has_value();
  embedded.what = std::move(part.what);
  embedded.installed = std::move(part.installed);
  embedded.placement = part.placement;
  embedded.address = part.address;
  embedded.size = part.size;
  embedded.entry = part.entry;
  return std::optional<Embedded>(std::move(embedded));
}

Result<Removed> remove_embedded(std::span<const uint8_t> file, const std::string& name) {
  using namespace embed;
  auto elf = read_elf(view(file), name);
  if (!elf) return tl::unexpected(elf.error());
  auto found = find(*elf, name);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail(Code::Usage, "has no embedded filter", name);
  return take_out(*elf, **found);
}

}  // namespace stile
