// SPDX-License-Identifier: Apache-2.0
#include "analysis/discover.h"

#include <algorithm>

#include <elf.h>

#include "arch/x86_64_decode.h"
#include "elf/eh_frame.h"
#include "runtime/go_types.h"

namespace stile::analysis {

namespace {

struct Start {
  uint64_t address;  // program address
  uint32_t name;     // index into Program::names, UINT32_MAX if none
  bool operator<(const Start& other) const {
    return address < other.address || (address == other.address && name < other.name);
  }
};

// The Go part of an object, if it has one. Of several tables (a program may carry others as data) the one that its own
// moduledata names is the right one.
Result<void> find_go_part(Object& object) {
  const elf::Image& image = object.image;
  std::optional<Error> problem;
  std::optional<GoPart> unconfirmed;
  for (const uint64_t address : go::Pclntab::candidates(image)) {
    auto moduledata = go::find_moduledata(image, address, object.bias);
    auto table = go::Pclntab::parse(image, address, moduledata ? moduledata->text.start : 0, object.bias);
    if (!table) {
      if (!problem && moduledata) problem = table.error();
      continue;
    }
    const bool confirmed = moduledata.has_value();
    GoPart part{std::move(*table), std::move(moduledata)};
    if (confirmed) {
      object.go = std::move(part);
      break;
    }
    if (!unconfirmed) unconfirmed = std::move(part);
  }
  if (!object.go && unconfirmed) object.go = std::move(unconfirmed);
  object.build = go::read_build_info(image);
  if (object.go) return {};
  if (problem) return tl::unexpected(*problem);
  return {};
}

class Discovery {
 public:
  Discovery(Program& program, uint32_t object) : program_(program), index_(object), object_(program.objects[object]) {}

  void run() {
    if (object_.go) add_go_functions();
    for (const go::Range& range : code_ranges()) {
      if (!object_.go) {
        ranges_.push_back(range);
        continue;
      }
      const uint64_t go_start = object_.go->functions.entry(0) + object_.bias;
      const uint64_t go_end = object_.go->functions.end(object_.go->functions.size() - 1) + object_.bias;
      if (go_start >= range.end || go_end <= range.start) {
        ranges_.push_back(range);
      } else {
        if (range.start < go_start) ranges_.push_back({range.start, go_start});
        if (go_end < range.end) ranges_.push_back({go_end, range.end});
      }
    }
    for (const go::Range& range : ranges_) {
      lowest_ = std::min(lowest_, range.start);
      extent_ = std::max(extent_, range.end);
    }
    extent_ -= std::min(lowest_, extent_);
    add_symbols(object_.image.symbols());
    add_symbols(object_.image.dynamic_symbols());
    unwind_starts_ = elf::unwind_function_starts(object_.image);
    std::sort(unwind_starts_.begin(), unwind_starts_.end());
    for (const uint64_t address : unwind_starts_) add(address + object_.bias);
    if (object_.image.entry() != 0) add(object_.image.entry() + object_.bias);
    for (const uint64_t address : object_.image.initialiser_functions()) add(address + object_.bias);
    for (const go::Range& range : ranges_) add_code_targets(range);
    if (!ranges_.empty()) add_data_targets();
    for (const go::Range& range : ranges_) starts_.push_back({range.start, UINT32_MAX});
    sort_starts();
    add_tail_calls();
    emit();
  }

 private:
  // Executable memory, as far as it holds code: by sections where they cover the entry point, else whole segments but for
  // the file's own headers, which some linkers place there.
  std::vector<go::Range> code_ranges() const {
    std::vector<go::Range> ranges;
    const elf::Image& image = object_.image;
    bool covers_entry = image.entry() == 0;
    for (const elf::Section& section : image.sections()) {
      constexpr uint64_t kAlloc = 2, kExecute = 4;
      const elf::Segment* segment = image.segment_of(section.address);
      if ((section.flags & (kAlloc | kExecute)) != (kAlloc | kExecute) || segment == nullptr || !segment->executable) continue;
      const uint64_t end = std::min(section.address + section.size, segment->address + segment->file_size);
      if (end <= section.address) continue;
      ranges.push_back({section.address + object_.bias, end + object_.bias});
      covers_entry |= image.entry() >= section.address && image.entry() < end;
    }
    if (covers_entry && !ranges.empty() && !enters_kernel_outside(ranges)) return ranges;
    ranges.clear();
    for (const elf::Segment& segment : image.segments()) {
      if (!segment.executable) continue;
      const bool entry_in_headers = image.entry() - segment.address < image.headers_size();
      const uint64_t headers = segment.file_offset == 0 && !entry_in_headers ? std::min(image.headers_size(), segment.file_size) : 0;
      ranges.push_back({segment.address + headers + object_.bias, segment.address + segment.file_size + object_.bias});
    }
    return ranges;
  }

  // Section headers are only a hint. If executable bytes outside `ranges` could enter the kernel, they do not count.
  bool enters_kernel_outside(const std::vector<go::Range>& ranges) const {
    for (const elf::Segment& segment : object_.image.segments()) {
      if (!segment.executable) continue;
      const Bytes bytes = object_.image.at(segment.address);
      for (uint64_t at = 0; at + 1 < bytes.size(); ++at) {
        const uint64_t address = segment.address + object_.bias + at;
        const auto inside = std::find_if(ranges.begin(), ranges.end(), [&](const go::Range& r) { return r.contains(address); });
        if (inside != ranges.end()) {
          at = inside->end - segment.address - object_.bias - 1;
          continue;
        }
        const uint8_t a = bytes.data()[at], b = bytes.data()[at + 1];
        if ((a == 0x0f && (b == 0x05 || b == 0x34)) || (a == 0xcd && b == 0x80) || (a == 0x65 && b == 0xff)) return true;
      }
    }
    return false;
  }

  bool foreign(uint64_t address) const {
    return address - lowest_ < extent_ && std::any_of(ranges_.begin(), ranges_.end(), [&](const go::Range& range) { return range.contains(address); });
  }
  void add(uint64_t address, uint32_t name = UINT32_MAX) {
    if (foreign(address)) starts_.push_back({address, name});
  }

  void add_go_functions() {
    const go::Pclntab& table = object_.go->functions;
    program_.functions.reserve(program_.functions.size() + table.size());
    for (size_t i = 0; i < table.size(); ++i) {
      program_.functions.push_back(
          {table.entry(i) + object_.bias, table.end(i) + object_.bias, index_, static_cast<uint32_t>(i), true});
    }
  }

  void add_symbols(const std::vector<elf::Symbol>& symbols) {
    for (const elf::Symbol& symbol : symbols) {
      if (!symbol.defined() || symbol.name.empty()) continue;
      if (symbol.type != STT_FUNC && symbol.type != STT_GNU_IFUNC && symbol.type != STT_NOTYPE) continue;
      const uint64_t address = symbol.value + object_.bias;
      if (!foreign(address)) continue;
      program_.names.push_back(symbol.name);
      starts_.push_back({address, static_cast<uint32_t>(program_.names.size() - 1)});
    }
  }

  // Linear sweep: targets of calls, and addresses that code takes of code.
  void add_code_targets(const go::Range& range) {
    const Bytes bytes = program_.at(range.start).part(0, range.end - range.start);
    const uint8_t* p = bytes.begin();
    bool ended = true;  // the last instruction that is not filler lets nothing run on
    bool last_is_call = false, called = false;  // the same is a call, perhaps one that never returns, and filler stands behind it
    while (p < bytes.end()) {
      const arch::Insn insn = arch::decode(p, bytes.end());
      const uint64_t address = range.start + static_cast<uint64_t>(p - bytes.begin());
      if (insn.length == 0) {
        ++p;
        continue;
      }
      const bool filler = arch::is_filler(insn);
      if ((ended || called) && !filler && !has_unwind_entry(address)) openings_.push_back(address);
      called = filler && (called || last_is_call);
      last_is_call = !filler && (insn.flow == arch::Flow::Call || insn.flow == arch::Flow::IndirectCall);
      if (!filler) ended = arch::never_falls_through(insn);
      if (insn.flow == arch::Flow::IndirectJump && insn.disp_at != 0 && is_import(arch::rip_target(insn, p, address))) {
        // An entry of the procedure linkage table: a function of its own, also where nothing calls it directly. With
        // -fcf-protection it begins with endbr64.
        constexpr uint8_t kEndbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
        const bool marked = p - bytes.begin() >= 4 && std::equal(std::begin(kEndbr64), std::end(kEndbr64), p - 4);
        add(marked ? address - 4 : address);
      } else if (insn.flow == arch::Flow::Call) {
        add(arch::branch_target(insn, p, address));
      } else if (insn.flow == arch::Flow::Jump || insn.flow == arch::Flow::Branch) {
        const uint64_t target = arch::branch_target(insn, p, address);
        if (foreign(target) && !has_unwind_entry(target)) jumps_.push_back({address, target});
      } else if (insn.disp_at != 0 && insn.opcode == 0x8d && insn.map == 0) {
        add(arch::rip_target(insn, p, address));
      } else if (insn.imm_size == 4 && insn.flow == arch::Flow::None && !object_.image.position_independent()) {
        add(static_cast<uint64_t>(static_cast<int64_t>(load<int32_t>(p + insn.imm_at))));
      }
      p += insn.length;
    }
  }

  // A slot that the dynamic linker fills with the address of a function it binds.
  bool is_import(uint64_t address) const {
    const auto it = std::lower_bound(program_.slots.begin(), program_.slots.end(), address,
                                     [](const Program::Slot& slot, uint64_t value) { return slot.address < value; });
    return it != program_.slots.end() && it->address == address && it->imported;
  }

  void add_data_targets() {
    for (const Program::Slot& slot : program_.slots) add(slot.value);
    if (object_.image.position_independent()) return;
    for (const elf::Segment& segment : object_.image.segments()) {
      if (segment.executable) continue;
      const Bytes bytes = object_.image.at(segment.address);
      for (uint64_t at = (8 - segment.address % 8) % 8; bytes.holds(at, 8); at += 8) {
        const uint64_t value = load<uint64_t>(bytes.data() + at);
        if (value != 0) add(value);
      }
    }
  }

  // Whether the unwind tables know the function that holds an address, and so where it starts and ends.
  bool has_unwind_entry(uint64_t address) {
    address -= object_.bias;
    if (last_entry_.contains(address)) return true;
    const auto next = std::upper_bound(unwind_starts_.begin(), unwind_starts_.end(), address);
    if (next == unwind_starts_.begin()) return false;
    const auto end = std::upper_bound(object_.unwind_ends.begin(), object_.unwind_ends.end(), *(next - 1));
    if (end == object_.unwind_ends.end() || address >= *end) return false;
    last_entry_ = {*(next - 1), *end};
    return true;
  }

  // Functions that others only jump to, and of which no table speaks: a jump from another function leads there, nothing seems to
  // run into it, and no jump inside the function it seems to lie in crosses its start. Where that is wrong, the piece is still
  // entered from where it is entered, as a function of its own.
  void add_tail_calls() {
    if (jumps_.empty()) return;
    constexpr int kMostRounds = 4;  // each new start may set free further ones; those left stay parts of others
    for (int round = 0; round < kMostRounds; ++round) {
      std::vector<std::pair<uint64_t, uint64_t>> spans;  // (lowest, highest) place of jumps inside one function, outside which starts may lie
      std::vector<uint64_t> targets;
      for (const auto& [from, to] : jumps_) {
        if (start_of(from) != start_of(to)) {
          targets.push_back(to);
        } else {
          spans.emplace_back(std::min(from, to), std::max(from, to));
        }
      }
      std::sort(spans.begin(), spans.end());
      for (size_t i = 1; i < spans.size(); ++i) spans[i].second = std::max(spans[i].second, spans[i - 1].second);
      std::sort(targets.begin(), targets.end());
      targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
      const size_t before = starts_.size();
      for (const uint64_t target : targets) {
        if (start_of(target) == target || !std::binary_search(openings_.begin(), openings_.end(), target)) continue;
        // Spans that begin before the target; the running maximum tells whether one of them reaches it.
        const auto behind = std::lower_bound(spans.begin(), spans.end(), std::pair<uint64_t, uint64_t>{target, 0});
        if (behind != spans.begin() && (behind - 1)->second >= target) continue;
        starts_.push_back({target, UINT32_MAX});
      }
      if (starts_.size() == before) return;
      sort_starts();
    }
  }

  uint64_t start_of(uint64_t address) const {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), Start{address, UINT32_MAX});
    return next == starts_.begin() ? 0 : (next - 1)->address;
  }

  void sort_starts() {
    std::sort(starts_.begin(), starts_.end());
    starts_.erase(std::unique(starts_.begin(), starts_.end(),
                              [](const Start& a, const Start& b) { return a.address == b.address; }),
                  starts_.end());
  }

  void emit() {
    for (size_t i = 0; i < starts_.size(); ++i) {
      uint64_t end = 0;
      for (const go::Range& range : ranges_) {
        if (range.contains(starts_[i].address)) end = range.end;
      }
      if (i + 1 < starts_.size()) end = std::min(end, starts_[i + 1].address);
      program_.functions.push_back({starts_[i].address, end, index_, starts_[i].name, false});
      program_.functions.back().opens_range =
          starts_[i].name == UINT32_MAX && std::any_of(ranges_.begin(), ranges_.end(), [&](const go::Range& range) {
            return range.start == starts_[i].address;
          });
    }
  }

  Program& program_;
  uint32_t index_;
  Object& object_;
  std::vector<go::Range> ranges_;  // executable memory that Go's table does not describe
  uint64_t lowest_ = UINT64_MAX, extent_ = 0;  // of all of them together
  std::vector<Start> starts_;
  std::vector<uint64_t> unwind_starts_;                // as in the file, sorted
  go::Range last_entry_{0, 0};                         // of the unwind tables: most questions are about the same function
  std::vector<std::pair<uint64_t, uint64_t>> jumps_;   // (from, to), to places without an unwind entry
  std::vector<uint64_t> openings_;                     // places that nothing seems to run into, without an unwind entry; ascending
};

}  // namespace

Result<void> discover_functions(Program& program) {
  for (uint32_t i = 0; i < program.objects.size(); ++i) {
    Object& object = program.objects[i];
    if (auto ok = find_go_part(object); !ok) return ok;
    if (object.go && object.go->moduledata) {
      uint64_t words = 0;
      for (go::Itab& itab : go::find_itabs(object.image, *object.go->moduledata, object.bias)) {
        words += itab.methods.size();
        if (words > object.image.file_size() / 8) {
          return fail(Code::Malformed, "the Go interface tables overlap", object.image.path(),
                      "the file is damaged or was changed after it was linked");
        }
        program.itabs[itab.address + object.bias] = std::move(itab.methods);
      }
    }
    object.unwind_ends = elf::unwind_function_ends(object.image);
    Discovery(program, i).run();
  }
  const auto by_start = [](const Function& a, const Function& b) { return a.start < b.start; };
  // One Go file alone has them in order already.
  if (!std::is_sorted(program.functions.begin(), program.functions.end(), by_start)) {
    std::sort(program.functions.begin(), program.functions.end(), by_start);
  }
  return {};
}

}  // namespace stile::analysis
