// SPDX-License-Identifier: Apache-2.0
#include "analysis/data_liveness.h"

#include <algorithm>

#include <elf.h>

#include "elf/eh_frame.h"

namespace stile::analysis {

namespace {

// GCC and the psABI align objects of 32 bytes and more to 32 (gcc/config/i386/i386.cc, ix86_data_alignment). An address that
// is held and not so aligned may be that of a member, so no object is taken to begin there. Objects that do begin there are
// then parts of the piece before them, and used with it.
constexpr uint64_t kObjectAlignment = 32;

}  // namespace

DataLiveness::DataLiveness(const Program& program, const References& references, Take take)
    : program_(program), references_(references), take_(std::move(take)) {
  first_reference_.resize(program.functions.size() + 1);
  for (const VariableReference& reference : references.variables) ++first_reference_[reference.function + 1];
  for (size_t i = 0; i < program.functions.size(); ++i) first_reference_[i + 1] += first_reference_[i];
  find_boundaries();
  live_.resize(boundaries_.size());
  named_.resize(boundaries_.size());
  find_named();
}

bool DataLiveness::covers(uint64_t address) const {
  if (!program_.maybe_mapped(address)) return false;
  const Program::Place place = program_.place_of(address);
  if (!place.mapped || place.executable || !place.writable) return false;
  const Object* object = program_.object_of(address);
  return object != nullptr && object->image.position_independent();
}

const Program::Slot* DataLiveness::slot_at(uint64_t address) const {
  const auto it = std::lower_bound(program_.slots.begin(), program_.slots.end(), address,
                                   [](const Program::Slot& slot, uint64_t value) { return slot.address < value; });
  return it != program_.slots.end() && it->address == address ? &*it : nullptr;
}

std::span<const Program::Slot> DataLiveness::slots_of(const Object& object) const {
  if (object.image.segments().empty()) return {};
  const auto before = [](const Program::Slot& slot, uint64_t value) { return slot.address < value; };
  const auto first = std::lower_bound(program_.slots.begin(), program_.slots.end(),
                                      object.image.segments().front().address + object.bias, before);
  const auto last = std::lower_bound(first, program_.slots.end(), object.image.segments().back().end() + object.bias, before);
  return {first, last};
}

// The address point of a C++ vtable: functions from here on, before it the type (or nothing), before that an offset.
bool DataLiveness::looks_like_vtable(uint64_t address) const {
  const Program::Slot* first = slot_at(address);
  if (first == nullptr || !program_.executable(first->value) || slot_at(address - 16) != nullptr) return false;
  const Program::Slot* type = slot_at(address - 8);
  return type == nullptr || !program_.executable(type->value);
}

template <typename Each>
void DataLiveness::for_each_variable(const Object& object, Each each) const {
  for (const auto& [start, size] : object.image.variables()) each(start + object.bias, size);
  for (const elf::Symbol& symbol : object.image.dynamic_symbols()) {
    if (symbol.defined() && symbol.type == STT_OBJECT) each(symbol.value + object.bias, symbol.size);
  }
}

void DataLiveness::find_boundaries() {
  const auto object_start = [&](uint64_t address) {
    if (!covers(address)) return;
    if (address % kObjectAlignment == 0) add_boundary(address);
    if (address % kObjectAlignment == 16 && looks_like_vtable(address)) add_boundary(address - 16);
  };
  for (const VariableReference& reference : references_.variables) {
    if (reference.held) object_start(reference.target);
  }
  for (const Program::Slot& slot : program_.slots) {
    object_start(slot.value);
  }
  for (const Object& object : program_.objects) {
    if (!object.image.position_independent()) continue;
    for_each_variable(object, [&](uint64_t start, uint64_t size) {
      if (size < 8 || !covers(start)) return;
      add_boundary(start);
      add_boundary(start + size);
    });
  }
  drop_inside_symbols();
  for (const Object& object : program_.objects) {
    if (!object.image.position_independent()) continue;
    for (const elf::Segment& segment : object.image.segments()) {
      if (segment.writable) add_boundary(segment.address + object.bias);
    }
    for (const elf::Section& section : object.image.sections()) {
      if (section.size != 0 && covers(section.address + object.bias)) add_boundary(section.address + object.bias);
    }
    for (const auto& [start, size] : {object.image.initialiser_array(), object.image.finaliser_array()}) {
      if (size == 0 || size > object.image.file_size() || !covers(start + object.bias)) continue;
      add_boundary(start + object.bias);
      add_boundary(start + size + object.bias);
    }
    // The other entries of the global offset table, for thread-local variables, have relocations that hold no address.
    for (const elf::Relocation& relocation : object.image.relocations()) {
      if (relocation.type != R_X86_64_TPOFF64 && relocation.type != R_X86_64_DTPMOD64 && relocation.type != R_X86_64_DTPOFF64) continue;
      add_boundary(relocation.address + object.bias);
      add_boundary(relocation.address + object.bias + 8);
    }
  }
  // Entries of the global offset table are read one by one.
  for (const Program::Slot& slot : program_.slots) {
    if (!slot.imported) continue;
    add_boundary(slot.address);
    add_boundary(slot.address + 8);
  }
  std::sort(boundaries_.begin(), boundaries_.end());
  boundaries_.erase(std::unique(boundaries_.begin(), boundaries_.end()), boundaries_.end());
}

// Where a symbol says how far an object goes, an address inside it is that of a member, also where another symbol names that.
void DataLiveness::drop_inside_symbols() {
  std::vector<std::pair<uint64_t, uint64_t>> insides;  // start and end of what lies behind an object's first byte
  for (const Object& object : program_.objects) {
    if (!object.image.position_independent()) continue;
    for_each_variable(object, [&](uint64_t start, uint64_t size) {
      if (size > 1 && size < UINT64_MAX - start) insides.emplace_back(start + 1, start + size);
    });
  }
  std::sort(insides.begin(), insides.end());
  std::sort(boundaries_.begin(), boundaries_.end());
  size_t next = 0;
  uint64_t covered_to = 0;
  const auto inside = [&](uint64_t boundary) {
    for (; next < insides.size() && insides[next].first <= boundary; ++next) covered_to = std::max(covered_to, insides[next].second);
    return boundary < covered_to;
  };
  boundaries_.erase(std::remove_if(boundaries_.begin(), boundaries_.end(), inside), boundaries_.end());
}

size_t DataLiveness::piece_of(uint64_t address) const {
  const auto it = std::upper_bound(boundaries_.begin(), boundaries_.end(), address);
  return it == boundaries_.begin() ? boundaries_.size() : static_cast<size_t>(it - boundaries_.begin()) - 1;
}

void DataLiveness::find_named() {
  const auto name = [&](uint64_t address) {
    if (!covers(address)) return;
    if (const size_t piece = piece_of(address); piece < named_.size()) named_[piece] = true;
  };
  for (const VariableReference& reference : references_.variables) name(reference.target);
  for (const Program::Slot& slot : program_.slots) name(slot.value);
}

void DataLiveness::use_piece(size_t piece) {
  if (piece >= live_.size() || live_[piece]) return;
  live_[piece] = true;
  work_.push_back(piece);
}

void DataLiveness::use_address(uint64_t address) {
  if (covers(address)) use_piece(piece_of(address));
}

void DataLiveness::drain(FunctionId by, uint32_t offset) {
  while (!work_.empty()) {
    const size_t piece = work_.back();
    work_.pop_back();
    const uint64_t end = piece + 1 < boundaries_.size() ? boundaries_[piece + 1] : UINT64_MAX;
    for (auto it = std::lower_bound(program_.slots.begin(), program_.slots.end(), boundaries_[piece],
                                    [](const Program::Slot& slot, uint64_t value) { return slot.address < value; });
         it != program_.slots.end() && it->address < end; ++it) {
      const Object* object = program_.object_of(it->address);
      if (object == nullptr) continue;  // a relocation of nothing
      if (!program_.executable(it->value)) {
        use_address(it->value);
      } else if (!it->imported && !object->go) {
        // Code that names an entry of the global offset table has an edge to its function; Go's data is read by its own rules.
        take_(program_.function_at(it->value), by, offset);
      }
    }
  }
}

void DataLiveness::mark_named_by(FunctionId function) {
  for (uint32_t i = first_reference_[function]; i < first_reference_[function + 1]; ++i) {
    use_address(references_.variables[i].target);
    drain(function, references_.variables[i].offset);
  }
}

// What the unwinder reads: the words that name personality routines, and the types that handlers catch. Where its tables
// cannot be made out, whatever in read-only data is the offset from its own place to a relocated word counts.
void DataLiveness::mark_named_by_unwinder(const Object& object) {
  if (const auto references = elf::unwind_references(object.image)) {
    for (const uint64_t reference : *references) {
      const uint64_t address = reference + object.bias;
      use_address(address);
      if (program_.executable(address)) take_(program_.function_at(address), kNoFunction, 0);
    }
    return;
  }
  for (const elf::Segment& segment : object.image.segments()) {
    if (!segment.writable && !segment.executable) mark_offsets_in(object, segment.address, object.image.at(segment.address));
  }
}

void DataLiveness::mark_offsets_in(const Object& object, uint64_t address, const Bytes& bytes) {
  const auto slots = slots_of(object);
  if (slots.empty()) return;
  const uint64_t start = address + object.bias, lowest = slots.front().address, extent = slots.back().address - lowest;
  for (uint64_t at = 0; bytes.holds(at, 4); ++at) {
    const uint64_t target = start + at + static_cast<uint64_t>(static_cast<int64_t>(load<int32_t>(bytes.data() + at)));
    if (target - lowest <= extent && slot_at(target) != nullptr) use_address(target);
  }
}

void DataLiveness::mark_roots(const Ranges& left_out) {
  const auto skipped = [&](uint64_t address) {
    return std::any_of(left_out.begin(), left_out.end(), [&](const auto& range) { return address >= range.first && address < range.second; });
  };
  for (size_t piece = 0; piece < boundaries_.size(); ++piece) {
    const Object* object = program_.object_of(boundaries_[piece]);
    if (object == nullptr || (!named_[piece] && skipped(boundaries_[piece]))) continue;
    if (!named_[piece] || object->go || object->all_exports) use_piece(piece);
  }
  for (const Object& object : program_.objects) {
    const auto [start, size] = object.image.thread_local_template();
    if (size == 0 || !object.image.position_independent()) continue;
    for (size_t piece = piece_of(start + object.bias);
         piece < boundaries_.size() && boundaries_[piece] < start + size + object.bias; ++piece) {
      use_piece(piece);
    }
  }
  for (const Object& object : program_.objects) {
    if (object.image.position_independent()) mark_named_by_unwinder(object);
  }
  // Entries of the global offset table that no instruction names: code for large programs (-mcmodel=large) reaches them by
  // adding to the address of the table.
  for (const Program::Slot& slot : program_.slots) {
    if (!slot.imported || !covers(slot.address)) continue;
    const size_t piece = piece_of(slot.address);
    if (piece < named_.size() && !named_[piece] && program_.executable(slot.value)) take_(program_.function_at(slot.value), kNoFunction, 0);
  }
  // Relocated words that are in no piece: in a program with a fixed address (also what it copies out of its libraries), and in
  // read-only memory. Who reads them is not followed, so they count.
  for (const Program::Slot& slot : program_.slots) {
    if (slot.imported || covers(slot.address)) continue;
    const Object* object = program_.object_of(slot.address);
    if (object == nullptr) continue;
    use_address(slot.value);
    if (program_.executable(slot.value) && !object->go) take_(program_.function_at(slot.value), kNoFunction, 0);
  }
  drain(kNoFunction, 0);
}

}  // namespace stile::analysis
