// SPDX-License-Identifier: Apache-2.0
#include "embed/placement.h"

#include <algorithm>

#include <fmt/format.h>

namespace stile::embed {
namespace {

// A moved table must lie in the file as far behind the first segment as it does in memory; the hole that
// needs is all zero and takes no room on disk, but it is copied and sent like anything else.
constexpr uint64_t kMaxHole = 64u << 20;
constexpr uint64_t kAddressLimit = 0x7fff'0000'0000;

bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return a_size != 0 && b_size != 0 && a < b + b_size && b < a + a_size;
}

// A PT_LOAD goes behind the last one: the kernel and ld.so want them in order of their addresses (and kernels
// before 5.18 take the first and the last for the whole extent of a position-independent program).
size_t insert_load(std::vector<ProgramHeader>& table, uint64_t offset, uint64_t address) {
  size_t at = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i].type == kLoad) at = i + 1;
  }
  ProgramHeader load{};
  load.type = kLoad;
  load.flags = kReadable | kExecutable;
  load.offset = offset;
  load.address = load.physical = address;
  load.align = kPage;
  table.insert(table.begin() + static_cast<ptrdiff_t>(at), load);
  return at;
}

void resize_table_entry(std::vector<ProgramHeader>& table) {
  for (ProgramHeader& segment : table) {
    if (segment.type != kProgramHeaders) continue;
    segment.file_size = segment.memory_size = table.size() * sizeof(ProgramHeader);
  }
}

Plan plain_plan(const ElfFile& elf) {
  Plan plan;
  plan.offset = round_up(elf.bytes.size(), kPage);
  plan.address = round_up(elf.top(), kPage);
  plan.table = elf.segments;
  return plan;
}

// --- grow ---

// Whether the bytes behind the table belong to nobody: no section and no segment but the PT_LOAD around them,
// and either zero or section headers, which no running program looks at and which are written anew elsewhere.
// Go's linker leaves such room.
bool room_behind_table(const ElfFile& elf) {
  constexpr uint64_t kNeed = sizeof(ProgramHeader);
  const uint64_t start = elf.table_end();
  if (elf.sections.empty() || elf.segments.size() >= kMaxProgramHeaders) return false;
  const Bytes room = elf.bytes.part(start, kNeed);
  if (room.size() != kNeed) return false;
  bool mapped = false;
  for (const ProgramHeader& segment : elf.segments) {
    if (segment.type == kLoad) {
      // A table that is mapped must stay so as a whole.
      if (overlap(elf.header.program_offset, start - elf.header.program_offset, segment.offset,
                  segment.file_size)) {
        mapped = start + kNeed <= segment.offset + segment.file_size;
        if (!mapped) return false;
      }
    } else if (segment.type != kProgramHeaders && overlap(start, kNeed, segment.offset, segment.file_size)) {
      return false;
    }
  }
  for (const SectionHeader& section : elf.sections) {
    if (section.type == 0 || section.type == kNoBits) continue;
    if (overlap(start, kNeed, section.offset, section.size)) return false;
  }
  const uint64_t headers = elf.header.section_offset;
  const uint64_t headers_end = headers + elf.sections.size() * sizeof(SectionHeader);
  for (uint64_t at = start; at < start + kNeed; ++at) {
    if (elf.bytes.data()[at] != 0 && (at < headers || at >= headers_end)) return false;
  }
  return mapped;
}

std::optional<Plan> grow(const ElfFile& elf) {
  if (!room_behind_table(elf)) return std::nullopt;
  Plan plan = plain_plan(elf);
  plan.placement = Placement::Grow;
  plan.own_entry = insert_load(plan.table, plan.offset, plan.address);
  resize_table_entry(plan.table);
  return plan;
}

// --- note ---

struct NoteContents {
  bool go_build_id = false;
  bool gnu_build_id = false;
};

NoteContents notes_in(Bytes notes, uint64_t align) {
  NoteContents found;
  const uint64_t unit = align == 8 ? 8 : 4;
  for (uint64_t at = 0; notes.holds(at, 12);) {
    const uint64_t name_size = load<uint32_t>(notes.data() + at);
    const uint64_t size = load<uint32_t>(notes.data() + at + 4);
    const auto type = load<uint32_t>(notes.data() + at + 8);
    const std::string_view owner = notes.text(at + 12, name_size);
    found.go_build_id |= owner == std::string_view("Go\0\0", 4) && type == 4;
    found.gnu_build_id |= owner == std::string_view("GNU\0", 4) && type == 3;
    at = round_up(at + 12 + name_size, unit) + round_up(size, unit);
  }
  return found;
}

// How much it hurts to give a note segment up.
struct Candidate {
  size_t index = 0;
  int cost = 0;
  std::vector<std::string> notes;
};

Candidate judge_note(const ElfFile& elf, size_t index) {
  const ProgramHeader& note = elf.segments[index];
  Candidate candidate;
  candidate.index = index;
  for (const ProgramHeader& segment : elf.segments) {
    // The kernel and ld.so read the properties from there.
    if (segment.type == kGnuProperty && segment.offset == note.offset && segment.file_size == note.file_size)
      return candidate;
  }
  const NoteContents contents = notes_in(elf.bytes.part(note.offset, note.file_size), note.align);
  candidate.cost = 1;
  if (contents.gnu_build_id) {
    candidate.cost = 2;
    candidate.notes.emplace_back(
        elf.sections.empty()
            ? "the GNU build ID is no longer found: the program header that led to it was needed"
            : "no program header leads to the GNU build ID any more: tools that look at files find it by its "
              "section, those that look at running processes and core dumps do not");
  }
  if (contents.go_build_id) {
    candidate.cost = 3;
    candidate.notes.emplace_back(
        "go tool buildid no longer finds the build ID (go version -m works as before)");
  }
  return candidate;
}

std::optional<Plan> take_note(const ElfFile& elf) {
  std::optional<Candidate> best;
  for (size_t i = 0; i < elf.segments.size(); ++i) {
    if (elf.segments[i].type != kNote) continue;
    Candidate candidate = judge_note(elf, i);
    if (!best || candidate.cost < best->cost) best = std::move(candidate);
  }
  if (!best) return std::nullopt;
  Plan plan = plain_plan(elf);
  plan.placement = Placement::Note;
  plan.table.erase(plan.table.begin() + static_cast<ptrdiff_t>(best->index));
  plan.own_entry = insert_load(plan.table, plan.offset, plan.address);
  plan.notes = best->notes;
  return plan;
}

// --- move ---

std::optional<Plan> move_table(const ElfFile& elf) {
  if (elf.segments.size() >= kMaxProgramHeaders) return std::nullopt;
  const auto first = std::find_if(elf.segments.begin(), elf.segments.end(),
                                  [](const ProgramHeader& segment) { return segment.type == kLoad; });
  if (first == elf.segments.end() || first->offset > first->address) return std::nullopt;
  // Kernels before 5.18 tell the program its table is at (first address - first offset) + e_phoff:
  // create_elf_tables(), fs/binfmt_elf.c. So the part keeps the first segment's distance between address and
  // offset.
  const uint64_t distance = first->address - first->offset;
  Plan plan = plain_plan(elf);
  plan.placement = Placement::Move;
  plan.address = std::max(plan.address, plan.offset + distance);
  plan.offset = plan.address - distance;
  const uint64_t hole = plan.offset - elf.bytes.size();
  if (hole > kMaxHole) return std::nullopt;
  plan.own_entry = insert_load(plan.table, plan.offset, plan.address);
  resize_table_entry(plan.table);
  plan.notes.emplace_back(
      "strip, objcopy and patchelf make the file unusable from now on: strip first, embed then");
  for (const ProgramHeader& segment : elf.segments) {
    if (segment.type != kNote) continue;
    if (notes_in(elf.bytes.part(segment.offset, segment.file_size), segment.align).go_build_id) {
      plan.notes.emplace_back("go tool buildid no longer finds the build ID (go version -m works as before)");
    }
  }
  if (hole >= kPage) {
    plan.notes.push_back(
        fmt::format("the file has a hole of {} bytes, where uninitialised data lies in memory", hole));
  }
  return plan;
}

}  // namespace

Result<Plan> plan_placement(const ElfFile& elf, std::optional<Placement> wanted, const std::string& name) {
  const auto allowed = [&](Placement placement) { return !wanted || *wanted == placement; };
  std::optional<Plan> plan;
  if (allowed(Placement::Grow)) plan = grow(elf);
  if (!plan && allowed(Placement::Note)) plan = take_note(elf);
  if (!plan && allowed(Placement::Move)) plan = move_table(elf);
  if (!plan) {
    if (wanted)
      return fail(Code::Unsupported, fmt::format("has no room for a filter by '{}'", to_string(*wanted)),
                  name);
    return fail(Code::Unsupported,
                "has no room for a filter: no space behind the program headers, no note that could be given "
                "up, and too much "
                "uninitialised data to move the table behind it",
                name, "link it with --build-id, or use stile embed --source");
  }
  if (plan->address + kMaxHole > kAddressLimit)
    return fail(Code::Unsupported, "has no room above its segments", name);
  if (elf.sections.empty()) {
    plan->notes.emplace_back(
        "the file has no section headers, so strip and objcopy would drop the filter's segment and break the "
        "program: use neither");
  }
  return *plan;
}

}  // namespace stile::embed
