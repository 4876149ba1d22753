// SPDX-License-Identifier: Apache-2.0
#include "analysis/data_pointers.h"

#include <algorithm>
#include <iterator>

#include "base/parallel.h"

namespace stile::analysis {

namespace {

class Collector {
 public:
  explicit Collector(const Program& program) : program_(program) {}

  DataPointers found;

  void look_at(uint64_t address, uint64_t value, bool no_code) {
    const Program::Place place = program_.place_of(value);
    if (place.writable && !in_moduledata(address)) found.variables.push_back({address, value});
    if (no_code) return;
    const FunctionId id = code_behind(address, value, place);
    if (id != kNoFunction) found.code.push_back(id);
  }

  // Go's function table held absolute addresses before Go 1.18: they describe code, nothing calls through them.
  static bool in_function_table(const Object& object, uint64_t address) {
    if (!object.go) return false;
    const go::Pclntab& table = object.go->functions;
    return table.layout() <= go::PclntabLayout::Go116 && address >= table.address() &&
           address < table.address() + table.records_size();
  }

 private:
  // A Go func value is a pointer to a read-only cell that holds the code's address. The cell is an object of its own, so
  // it counts when something names it: code does by a Closure edge, data by a pointer to it.
  bool is_cell(uint64_t address) const {
    const Object* object = program_.object_of(address);
    return object != nullptr && object->go && object->go->moduledata &&
           object->go->moduledata->types.contains(address - object->bias);
  }

  // The function that a word at `at` with that value hands out; kNoFunction if it is no such pointer.
  FunctionId code_behind(uint64_t at, uint64_t value, const Program::Place& place) const {
    if (place.executable) {
      // A pointer into the middle is a jump table's entry; it is entered from its own function.
      return is_cell(at) ? kNoFunction : program_.function_at(value);
    }
    if (value % 8 != 0 || !is_cell(value)) return kNoFunction;
    const auto code = place.bytes.read<uint64_t>(0);
    return code && program_.executable(*code) ? program_.function_at(*code) : kNoFunction;
  }

  // moduledata holds the bounds of sections, which are no pointers to the variables that stand there.
  bool in_moduledata(uint64_t address) const {
    constexpr uint64_t kLargest = 1024;
    for (const Object& object : program_.objects) {
      if (!object.go || !object.go->moduledata) continue;
      const uint64_t start = object.go->moduledata->address + object.bias;
      if (address >= start && address < start + kLargest) return true;
    }
    return false;
  }

  const Program& program_;
};

struct Piece {
  const Object* object;
  uint64_t address;
  Bytes bytes;
};

std::vector<Piece> cut(const Program& program) {
  constexpr uint64_t kPiece = 1 << 20;
  std::vector<Piece> pieces;
  for (const Object& object : program.objects) {
    if (object.image.position_independent()) continue;
    for (const elf::Segment& segment : object.image.segments()) {
      if (segment.executable) continue;
      const Bytes bytes = object.image.at(segment.address);
      for (uint64_t at = (8 - segment.address % 8) % 8; bytes.holds(at, 8); at += kPiece) {
        const Bytes rest = bytes.from(at);
        pieces.push_back({&object, segment.address + at, rest.part(0, std::min<uint64_t>(rest.size(), kPiece))});
      }
    }
  }
  return pieces;
}

}  // namespace

DataPointers collect_data_pointers(const Program& program, unsigned threads) {
  const std::vector<Piece> pieces = cut(program);
  std::vector<Collector> parts(pieces.size() + 1, Collector(program));
  for (const Program::Slot& slot : program.slots) {
    const Object* object = program.object_of(slot.address);
    parts[0].look_at(slot.address, slot.value, slot.imported || object == nullptr || !object->go);
  }
  parallel_for(pieces.size(), threads, [&](size_t i) {
    const Piece& piece = pieces[i];
    Collector& part = parts[i + 1];
    for (uint64_t at = 0; piece.bytes.holds(at, 8); at += 8) {
      const uint64_t value = load<uint64_t>(piece.bytes.data() + at);
      if (!program.maybe_mapped(value) || Collector::in_function_table(*piece.object, piece.address + at)) continue;
      part.look_at(piece.address + at, value, /*no_code=*/false);
    }
    piece.object->image.release(piece.address, piece.bytes.size());
  });

  DataPointers all;
  for (Collector& part : parts) {
    std::copy(part.found.code.begin(), part.found.code.end(), std::back_inserter(all.code));
    std::copy(part.found.variables.begin(), part.found.variables.end(), std::back_inserter(all.variables));
    part.found = {};
  }
  std::stable_sort(all.variables.begin(), all.variables.end(),
                   [](const DataPointer& a, const DataPointer& b) { return a.value < b.value; });
  return all;
}

}  // namespace stile::analysis
