// SPDX-License-Identifier: Apache-2.0
#include "filter/search.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace stile::filter {
namespace {

constexpr uint32_t kAll = ~uint32_t{0};

// Neighbours that lead to the same become one.
void join(std::vector<Piece>& pieces) {
  size_t kept = 0;
  for (size_t i = 1; i < pieces.size(); ++i) {
    if (pieces[i].node == pieces[kept].node) {
      pieces[kept].weight += pieces[i].weight;
    } else {
      pieces[++kept] = pieces[i];
    }
  }
  pieces.resize(kept + 1);
}

// Moves each piece to begin at a value that the mask lets be; pieces without any disappear.
void round_to_mask(std::vector<Piece>& pieces, uint32_t mask) {
  size_t kept = 0;
  for (size_t i = 1; i < pieces.size(); ++i) {
    Piece piece = pieces[i];
    if (const uint32_t foreign = piece.first & ~mask; foreign != 0) {
      // See next_possible in profile/ranges.cc.
      const int bit = 31 - std::countl_zero(foreign);
      const uint32_t filled = piece.first | ~mask | (bit == 31 ? kAll : (uint32_t{2} << bit) - 1);
      if (filled == kAll) break;  // this and all behind it
      piece.first = (filled + 1) & mask;
    }
    if (piece.first > mask) break;
    if (piece.first == pieces[kept].first) {
      pieces[kept] = piece;  // nothing was left of the one before
    } else {
      pieces[++kept] = piece;
    }
  }
  pieces.resize(kept + 1);
}

// Values such as {0, 8, 0x20000, 0x20008}: all that can be made of some bits. One test for other bits finds
// them.
struct BitSet {
  uint32_t bits = 0;
  NodeId node = 0;  // where they lead
};

// The values that lead to `node`, if there are few; else none.
std::vector<uint32_t> few_values(const std::vector<Piece>& pieces, NodeId node) {
  constexpr size_t kFew = 64;
  std::vector<uint32_t> values;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].node != node) continue;
    const uint32_t last = i + 1 < pieces.size() ? pieces[i + 1].first - 1 : kAll;
    if (last - pieces[i].first >= kFew || values.size() + (last - pieces[i].first) >= kFew) return {};
    for (uint32_t j = 0; j <= last - pieces[i].first; ++j) values.push_back(pieces[i].first + j);
  }
  return values;
}

bool has_all_of(const std::vector<uint32_t>& values, uint32_t bits) {
  if (std::popcount(bits) > 6) return false;
  for (uint32_t part = bits;; part = (part - 1) & bits) {
    if (!std::binary_search(values.begin(), values.end(), part)) return false;
    if (part == 0) return true;
  }
}

// Whether all values of a piece are made of these bits.
bool lies_within(const std::vector<Piece>& pieces, size_t index, uint32_t bits) {
  const uint32_t first = pieces[index].first;
  const uint32_t last = index + 1 < pieces.size() ? pieces[index + 1].first - 1 : kAll;
  if (last - first >= 64) return false;
  for (uint32_t i = 0; i <= last - first; ++i) {
    if (((first + i) & ~bits) != 0) return false;
  }
  return true;
}

// Looks for the largest such set. It has to stand for two pieces at least, or there is nothing to win.
BitSet find_bit_set(const std::vector<Piece>& pieces) {
  BitSet best;
  constexpr size_t kMaxPieces = 130;
  if (pieces.size() < 4 || pieces.size() > kMaxPieces) return best;
  const NodeId a = pieces[0].node;  // 0 is in every such set
  if (pieces[1].first > 64) return best;
  const std::vector<uint32_t> values = few_values(pieces, a);
  for (const uint32_t bits : values) {
    if (std::popcount(bits) <= std::popcount(best.bits) || !has_all_of(values, bits)) continue;
    size_t covered = 0;
    for (size_t i = 0; i < pieces.size(); ++i)
      covered += pieces[i].node == a && lies_within(pieces, i, bits) ? 1 : 0;
    if (covered >= 2) best = {bits, a};
  }
  return best;
}

class Tree {
 public:
  Tree(Graph& graph, uint8_t word, uint32_t mask) : graph_(graph), word_(word), mask_(mask) {}

  // `last`: the largest value that can still be there.
  NodeId build(const Piece* begin, const Piece* end, uint32_t last) {
    const size_t count = static_cast<size_t>(end - begin);
    if (count == 1) return begin->node;
    if (count == 2) return at_least(begin[1].first, begin[1].node, begin[0].node);

    float total = 0;
    for (const Piece* piece = begin; piece != end; ++piece) total += piece->weight;
    if (const Piece* single = single_to_ask_for(begin, end, last, total)) {
      std::vector<Piece> rest = without(begin, end, single);
      const NodeId no = build(rest.data(), rest.data() + rest.size(), last);
      return graph_.asks(Ask::Equal, word_, mask_, single->first, single->node, no);
    }

    // Where both sides weigh the same; nearest to the middle among equals.
    const Piece* split = begin + 1;
    float best = INFINITY;
    float sum = 0;
    for (const Piece* piece = begin + 1; piece != end; ++piece) {
      sum += piece[-1].weight;
      const float off = std::abs(total - 2 * sum);
      const bool nearer =
          std::abs((piece - begin) * 2 - (end - begin)) < std::abs((split - begin) * 2 - (end - begin));
      if (off < best || (off == best && nearer)) {
        best = off;
        split = piece;
      }
    }
    const NodeId yes = build(split, end, last);
    const NodeId no = build(begin, split, split->first - 1);
    return at_least(split->first, yes, no);
  }

 private:
  NodeId at_least(uint32_t value, NodeId yes, NodeId no) {
    return graph_.asks(Ask::AtLeast, word_, mask_, value, yes, no);
  }

  // A single value that is so likely, or the pieces so few, that asking for it before all others is best. A
  // chain of comparisons is as good as a balanced tree for up to six equally likely values.
  const Piece* single_to_ask_for(const Piece* begin, const Piece* end, uint32_t last, float total) const {
    constexpr size_t kFewPieces = 5;
    const bool few = static_cast<size_t>(end - begin) <= kFewPieces;
    const Piece* best = nullptr;
    bool best_joins = false;
    for (const Piece* piece = begin; piece != end; ++piece) {
      const uint32_t next = ((piece->first | ~mask_) + 1) & mask_;  // 0 behind the largest
      if (piece + 1 == end ? piece->first != last : next != piece[1].first) continue;
      // Without it its neighbours are one piece, so asking for it costs no more instructions than splitting.
      const bool joins = piece != begin && piece + 1 != end && piece[-1].node == piece[1].node;
      const bool likely = piece->weight * 6 >= total;
      if (!likely && !(few && joins)) continue;
      if (best == nullptr || piece->weight > best->weight ||
          (piece->weight == best->weight && joins && !best_joins)) {
        best = piece;
        best_joins = joins;
      }
    }
    return best;
  }

  static std::vector<Piece> without(const Piece* begin, const Piece* end, const Piece* gone) {
    std::vector<Piece> rest;
    rest.reserve(static_cast<size_t>(end - begin));
    rest.insert(rest.end(), begin, gone);
    const Piece* next = gone + 1;
    if (rest.empty()) {
      rest.push_back(*next++);
      rest.front().first = gone->first;
    } else if (next != end && rest.back().node == next->node) {
      rest.back().weight += next->weight;
      ++next;
    }
    rest.insert(rest.end(), next, end);
    return rest;
  }

  Graph& graph_;
  uint8_t word_;
  uint32_t mask_;
};

}  // namespace

NodeId search(Graph& graph, uint8_t word, uint32_t mask, std::vector<Piece>& pieces) {
  if (mask != kAll) round_to_mask(pieces, mask);
  join(pieces);
  if (pieces.size() == 1) return pieces[0].node;

  const uint32_t lowest_bit = mask & (~mask + 1);
  if (pieces.size() == 2 && pieces[1].first == lowest_bit && mask != kAll) {
    return graph.asks(Ask::AnyBit, word, kAll, mask, pieces[1].node, pieces[0].node);
  }
  // All bits from some bit up: the bits below do not change on which side of a possible value a number lies.
  if (mask == ~(lowest_bit - 1)) mask = kAll;

  // Numbers of calls are seldom such sets, and their weights count for more.
  if (mask == kAll && word != kWordNumber) {
    if (const BitSet found = find_bit_set(pieces); found.bits != 0) {
      const NodeId other =
          pieces[1].node;  // the values of the set are no longer there: they may lead anywhere
      std::vector<Piece> rest = pieces;
      for (size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i].node == found.node && lies_within(pieces, i, found.bits)) rest[i].node = other;
      }
      // At least two pieces fewer.
      const NodeId yes = search(graph, word, mask, rest);
      return graph.asks(Ask::AnyBit, word, kAll, ~found.bits, yes, found.node);
    }
  }
  return Tree(graph, word, mask).build(pieces.data(), pieces.data() + pieces.size(), mask);
}

}  // namespace stile::filter
