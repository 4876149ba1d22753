// SPDX-License-Identifier: Apache-2.0
#include "analysis/references.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "arch/x86_64_decode.h"
#include "base/huge_pages.h"
#include "base/parallel.h"

namespace stile::analysis {

namespace {

constexpr size_t kChunk = 1024;  // functions handed to a thread at once

class Collector {
 public:
  explicit Collector(const Program& program) : program_(program) {
    if (program.itabs.empty()) return;
    first_itab_ = program.itabs.begin()->first;
    last_itab_ = program.itabs.rbegin()->first;
  }

  std::vector<Edge> edges;
  std::vector<Site> sites;
  std::vector<InteriorEntry> interior;
  std::vector<VariableReference> variables;

  void scan(FunctionId id) {
    const Function& function = program_.functions[id];
    const Bytes code = program_.code(function);
    const uint8_t* const readable = program_.at(function.start).end();
    absolute_ = !program_.objects[function.object].image.position_independent();
    const uint8_t* p = code.begin();
    bool falls = false;
    uint64_t last = 0;  // offset of the last instruction that is not filler
    while (p < code.end()) {
      const arch::Insn insn = arch::decode(p, code.end(), readable);
      const uint64_t address = function.start + static_cast<uint64_t>(p - code.begin());
      if (insn.length == 0) {
        ++p;
        continue;
      }
      if (may_name_something(insn)) visit(id, function, insn, p, address);
      if (!arch::is_filler(insn)) {
        falls = !arch::never_falls_through(insn);
        last = address - function.start;
        if (falls && (insn.flow == arch::Flow::Call || insn.flow == arch::Flow::IndirectCall)) {
          falls = !program_.ends_at(function, address + insn.length);
        }
      }
      p += insn.length;
    }
    if (falls && id + 1 < program_.functions.size() && program_.functions[id + 1].start == function.end) {
      edges.push_back({id, id + 1, static_cast<uint32_t>(last), EdgeKind::Fall, false});
    }
  }

 private:
  // Quick, because most instructions do not: no transfer of control, no RIP-relative operand, no constant or displacement
  // of 32 bits or more.
  bool may_name_something(const arch::Insn& insn) const {
    return (static_cast<unsigned>(insn.flow) | insn.disp_at | (insn.imm_size & 12u)) != 0 ||
           (absolute_ && (insn.modrm >> 6 == 2 || (insn.modrm & 0xc7) == 4));
  }

  void visit(FunctionId id, const Function& function, const arch::Insn& insn, const uint8_t* p, uint64_t address) {
    const auto offset = static_cast<uint32_t>(address - function.start);
    using arch::Flow;
    switch (insn.flow) {
      case Flow::Call: link(id, offset, arch::branch_target(insn, p, address), EdgeKind::Call); return;
      case Flow::Jump:
      case Flow::Branch: {
        const uint64_t target = arch::branch_target(insn, p, address);
        if (target < function.start || target >= function.end) link(id, offset, target, EdgeKind::Jump);
        return;
      }
      case Flow::Syscall: sites.push_back({id, address, SiteKind::Syscall}); return;
      case Flow::Sysenter: sites.push_back({id, address, SiteKind::Sysenter}); return;
      case Flow::Int80: sites.push_back({id, address, SiteKind::Int80}); return;
      case Flow::GsCall: sites.push_back({id, address, SiteKind::GsCall}); return;
      default: break;
    }
    if (insn.disp_at != 0) {
      const uint64_t target = arch::rip_target(insn, p, address);
      if (program_.executable(target)) {
        link(id, offset, target, EdgeKind::Address);
      } else if (insn.flow == Flow::IndirectCall || insn.flow == Flow::IndirectJump) {
        through_slot(id, offset, target, insn.flow == Flow::IndirectCall ? EdgeKind::Call : EdgeKind::Jump);
      } else {
        name_data(id, offset, target, /*held=*/insn.map == 0 && insn.opcode == 0x8d);
      }
    }
    if (insn.imm_size == 4 && absolute_) {
      name_constant(id, offset, static_cast<uint64_t>(static_cast<int64_t>(load<int32_t>(p + insn.imm_at))));
    } else if (insn.imm_size == 8) {
      name_constant(id, offset, load<uint64_t>(p + insn.imm_at));
    }
    if (absolute_ && (insn.flags & arch::kHasModrm) != 0) {
      if (const uint32_t at = displacement32_at(insn, p); at != 0) {
        name_data(id, offset, static_cast<uint64_t>(static_cast<int64_t>(load<int32_t>(p + at))), /*held=*/true);
      }
    }
  }

  // Where a 32-bit displacement stands that is not RIP-relative; it may be an address, alone or with registers added.
  static uint32_t displacement32_at(const arch::Insn& insn, const uint8_t* p) {
    const unsigned mod = insn.modrm >> 6, rm = insn.modrm & 7;
    if (mod == 3) return 0;
    if (rm != 4) return mod == 2 ? insn.modrm_at + 1u : 0;
    const unsigned base = p[insn.modrm_at + 1] & 7;
    return mod == 2 || (mod == 0 && base == 5) ? insn.modrm_at + 2u : 0;
  }

  void link(FunctionId from, uint32_t offset, uint64_t target, EdgeKind kind) {
    const FunctionId to = program_.function_holding(target);
    if (to == kNoFunction) return;
    const bool inside = program_.functions[to].start != target;
    // An address inside the function itself is a label (a loop head, a jump table's base), not a function taken.
    if (to == from && inside) return;
    edges.push_back({from, to, offset, kind, inside});
    if (inside && to != from) interior.push_back({to, target});
  }

  // A constant that happens to be an address. Only starts count: labels are reached from inside.
  void name_constant(FunctionId from, uint32_t offset, uint64_t value) {
    if (program_.executable(value)) {
      const FunctionId to = program_.function_at(value);
      if (to != kNoFunction) edges.push_back({from, to, offset, EdgeKind::Address, false});
    } else if (program_.mapped(value)) {
      name_data(from, offset, value, /*held=*/true);
    }
  }

  void name_data(FunctionId from, uint32_t offset, uint64_t target, bool held) {
    if (!program_.maybe_mapped(target)) return;
    const Program::Place place = program_.place_of(target);
    if (!place.mapped) return;
    if (place.writable) variables.push_back({from, offset, target, held});
    if (target % 8 != 0) return;
    if (target >= first_itab_ && target <= last_itab_) {
      if (const auto itab = program_.itabs.find(target); itab != program_.itabs.end()) name_itab(from, offset, *itab);
    }
    const auto word = place.bytes.read<uint64_t>(0);
    if (!word || !program_.maybe_mapped(*word) || !program_.executable(*word)) return;
    const FunctionId to = program_.function_at(*word);
    if (to != kNoFunction) edges.push_back({from, to, offset, EdgeKind::Closure, false});
  }

  // Once for each function: a file may name one table of thousands of methods from every instruction.
  void name_itab(FunctionId from, uint32_t offset, const std::pair<const uint64_t, std::vector<uint64_t>>& itab) {
    if (itabs_of_ != from) itabs_seen_.clear();
    itabs_of_ = from;
    if (!itabs_seen_.insert(itab.first).second) return;
    for (const uint64_t method : itab.second) {
      const FunctionId to = program_.function_at(method);
      if (to != kNoFunction) edges.push_back({from, to, offset, EdgeKind::Interface, false});
    }
  }

  // call *slot(%rip) and PLT stubs: the slot's value is known where the dynamic linker or nobody writes it.
  void through_slot(FunctionId from, uint32_t offset, uint64_t slot, EdgeKind kind) {
    const auto it = std::lower_bound(program_.slots.begin(), program_.slots.end(), slot,
                                     [](const Program::Slot& s, uint64_t address) { return s.address < address; });
    if (it != program_.slots.end() && it->address == slot) {
      variables.push_back({from, offset, slot, /*held=*/false});
      link(from, offset, it->value, kind);
    } else if (!program_.writable(slot)) {
      if (const auto word = program_.read<uint64_t>(slot); word && program_.executable(*word)) link(from, offset, *word, kind);
    } else {
      name_data(from, offset, slot, /*held=*/false);
    }
  }

  const Program& program_;
  uint64_t first_itab_ = 1, last_itab_ = 0;  // their addresses; most data is elsewhere
  bool absolute_ = false;
  FunctionId itabs_of_ = kNoFunction;
  std::unordered_set<uint64_t> itabs_seen_;  // by itabs_of_
};

template <typename T, typename Key>
std::vector<uint32_t> offsets_by(const std::vector<T>& items, size_t groups, Key key) {
  std::vector<uint32_t> offsets(groups + 1);
  for (const T& item : items) ++offsets[key(item) + 1];
  for (size_t i = 0; i < groups; ++i) offsets[i + 1] += offsets[i];
  return offsets;
}

// Joins what was found in the chunks, in their order, while others are still being scanned: so memory for chunks is needed a few times,
// not once for each.
class Joiner {
 public:
  Joiner(const Program& program, References& refs, size_t chunks) : program_(program), refs_(refs), early_(chunks) {}

  // One that nobody uses.
  std::unique_ptr<Collector> borrow() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<Collector>(program_);
    std::unique_ptr<Collector> collector = std::move(idle_.back());
    idle_.pop_back();
    return collector;
  }

  void hand_in(size_t chunk, std::unique_ptr<Collector> collector) {
    const std::lock_guard lock(mutex_);
    early_[chunk] = std::move(collector);
    for (; next_ < early_.size() && early_[next_] != nullptr; ++next_) {
      Collector& done = *early_[next_];
      append(refs_.edges, done.edges);
      append(refs_.sites, done.sites);
      append(refs_.interior, done.interior);
      append(refs_.variables, done.variables);
      idle_.push_back(std::move(early_[next_]));
    }
  }

 private:
  template <typename T>
  void append(std::vector<T>& to, std::vector<T>& from) {
    if (const size_t needed = to.size() + from.size(); needed > to.capacity()) {
      // If the other chunks hold as much as those so far, and an eighth more. Growing by doubling would copy more and need more.
      to.reserve(std::max(needed + needed / 2, needed * early_.size() / (next_ + 1) * 9 / 8));
      prefer_huge_pages(to.data(), to.capacity() * sizeof(T));
    }
    to.insert(to.end(), from.begin(), from.end());
    from.clear();
  }

  const Program& program_;
  References& refs_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Collector>> early_;  // by chunk: scanned before one that comes first
  std::vector<std::unique_ptr<Collector>> idle_;
  size_t next_ = 0;  // chunk that is joined next
};

}  // namespace

References collect_references(const Program& program, unsigned threads) {
  const size_t count = program.functions.size();
  References refs;
  Joiner joiner(program, refs, (count + kChunk - 1) / kChunk);
  parallel_for((count + kChunk - 1) / kChunk, threads, [&](size_t chunk) {
    std::unique_ptr<Collector> collector = joiner.borrow();
    const size_t end = std::min(count, (chunk + 1) * kChunk);
    for (size_t id = chunk * kChunk; id < end; ++id) collector->scan(static_cast<FunctionId>(id));
    joiner.hand_in(chunk, std::move(collector));
  });
  std::sort(refs.interior.begin(), refs.interior.end(), [](const InteriorEntry& a, const InteriorEntry& b) {
    return a.function < b.function || (a.function == b.function && a.target < b.target);
  });
  refs.data = collect_data_pointers(program, threads);
  // Chunks are in address order and each is scanned in order, so edges are sorted by `from` already.
  refs.out = offsets_by(refs.edges, count, [](const Edge& edge) { return edge.from; });
  refs.in = offsets_by(refs.edges, count, [](const Edge& edge) { return edge.to; });
  refs.incoming.resize(refs.edges.size());
  std::vector<uint32_t> next(refs.in.begin(), refs.in.end() - 1);
  for (uint32_t i = 0; i < refs.edges.size(); ++i) refs.incoming[next[refs.edges[i].to]++] = i;
  return refs;
}

}  // namespace stile::analysis
