// SPDX-License-Identifier: Apache-2.0
#include "filter/rule_graph.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "filter/search.h"
#include "profile/ranges.h"

namespace stile::filter {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};
constexpr uint32_t kAll32 = ~uint32_t{0};

// --- 64 bits by their halves ---

// All values from `first` to the next one's first lead to `node`.
struct WidePiece {
  uint64_t first = 0;
  NodeId node = 0;
};

// Collects what the high half decides: for each of its values a node of its own, or one that looks at the low
// half.
class Halves {
 public:
  Halves(Graph& graph, uint8_t arg, uint64_t mask, bool big_endian)
      : graph_(graph), arg_(arg), mask_(mask), big_endian_(big_endian) {}

  NodeId node_for(const std::vector<WidePiece>& pieces) {
    for (size_t i = 0; i < pieces.size(); ++i) {
      const uint64_t last = i + 1 < pieces.size() ? pieces[i + 1].first - 1 : kAll;
      add(pieces[i].first, last, pieces[i].node);
    }
    const uint32_t high_mask = static_cast<uint32_t>(mask_ >> 32);
    if (high_mask == 0) return high_[0].node;
    return search(graph_, argument_word(arg_, true, big_endian_), high_mask, high_);
  }

 private:
  // Pieces come in ascending order without holes.
  void add(uint64_t first, uint64_t last, NodeId node) {
    const uint32_t high_first = static_cast<uint32_t>(first >> 32);
    const uint32_t high_last = static_cast<uint32_t>(last >> 32);
    const bool ends_its_high = static_cast<uint32_t>(last) == kAll32;
    const bool begins_its_high = static_cast<uint32_t>(first) == 0;
    const uint64_t whole_first = uint64_t{high_first} + (begins_its_high ? 0 : 1);
    const uint64_t whole_end = uint64_t{high_last} + (ends_its_high ? 1 : 0);  // behind the last whole one
    if (!begins_its_high || whole_first >= whole_end) {
      low_.push_back({static_cast<uint32_t>(first), node, 1});
      if (high_last > high_first || ends_its_high) close(high_first);
    }
    if (whole_first < whole_end) high_.push_back({static_cast<uint32_t>(whole_first), node, 1});
    if (high_last > high_first && !ends_its_high) low_.push_back({0, node, 1});
  }

  void close(uint32_t high) {
    const uint32_t low_mask = static_cast<uint32_t>(mask_);
    const NodeId node = low_mask == 0
                            ? low_[0].node
                            : search(graph_, argument_word(arg_, false, big_endian_), low_mask, low_);
    high_.push_back({high, node, 1});
    low_.clear();
  }

  Graph& graph_;
  uint8_t arg_;
  uint64_t mask_;
  bool big_endian_;
  std::vector<Piece> high_;
  std::vector<Piece> low_;
};

// --- one alternative after the other ---

NodeId test_node(Graph& graph, const Test& test, NodeId yes, NodeId no, bool big_endian) {
  std::vector<WidePiece> pieces;
  if (test.in.empty() || test.in[0].first != 0) pieces.push_back({0, no});
  for (const Range& range : test.in) {
    pieces.push_back({range.first, yes});
    const std::optional<uint64_t> next =
        range.last == kAll ? std::nullopt : next_possible(range.last + 1, test.mask);
    if (next) pieces.push_back({*next, no});
  }
  return Halves(graph, test.arg, test.mask, big_endian).node_for(pieces);
}

NodeId chain(Graph& graph, const Decisions& decisions, NodeId otherwise, bool big_endian) {
  NodeId next = otherwise;
  for (auto decision = decisions.rbegin(); decision != decisions.rend(); ++decision) {
    const auto& any = decision->first.any;
    for (auto alternative = any.rbegin(); alternative != any.rend(); ++alternative) {
      NodeId node = decision->second;
      for (auto test = alternative->rbegin(); test != alternative->rend(); ++test)
        node = test_node(graph, *test, node, next, big_endian);
      next = node;
    }
  }
  return next;
}

// --- all alternatives at once ---

// Goes through the arguments one by one; what is left of the alternatives after each answer is a smaller
// problem, and equal problems are solved once. That can take exponential work, so it gives up at a bound.
class Joint {
 public:
  Joint(Graph& graph, const Decisions& decisions, NodeId otherwise, bool big_endian)
      : graph_(graph), otherwise_(otherwise), big_endian_(big_endian) {
    for (const auto& [condition, node] : decisions) {
      for (const std::vector<Test>& alternative : condition.any) entries_.push_back({&alternative, node});
    }
  }

  std::optional<NodeId> build() {
    std::vector<Left> all;
    for (uint32_t i = 0; i < entries_.size(); ++i) {
      const size_t tests = entries_[i].tests->size();
      if (tests > 64) return std::nullopt;
      all.push_back({i, tests == 64 ? kAll : (uint64_t{1} << tests) - 1});
      ranges_ += tests;
      for (const Test& test : *entries_[i].tests) ranges_ += test.in.size();
    }
    // What one alternative after the other would take, and something for the start.
    max_nodes_ = graph_.size() + 64 + 8 * ranges_;
    max_work_ = 20'000 + 200 * ranges_;
    return solve(std::move(all), 0);
  }

 private:
  // Each step looks at other bits: six arguments, and not many masks where people write conditions.
  static constexpr unsigned kMaxDepth = 100;

  struct Entry {
    const std::vector<Test>* tests;
    NodeId node;
  };
  // An alternative that may still hold, and which of its tests have not been looked at.
  struct Left {
    uint32_t entry;
    uint64_t tests;
    bool operator==(const Left&) const = default;
  };
  struct Hash {
    size_t operator()(const std::vector<Left>& problem) const {
      uint64_t hash = problem.size();
      for (const Left& left : problem) {
        hash = (hash ^ left.entry) * 0x9e3779b97f4a7c15U;
        hash = (hash ^ left.tests ^ (hash >> 29)) * 0x9e3779b97f4a7c15U;
      }
      return static_cast<size_t>(hash ^ (hash >> 32));
    }
  };

  const Test* first_test(const Left& left) const {
    return &(*entries_[left.entry].tests)[static_cast<size_t>(std::countr_zero(left.tests))];
  }

  // The test of these bits that is still to be made, if the alternative has one.
  std::optional<size_t> test_of(const Left& left, const Test& bits) const {
    const std::vector<Test>& tests = *entries_[left.entry].tests;
    for (size_t i = 0; i < tests.size(); ++i) {
      if ((left.tests >> i & 1) != 0 && tests[i].arg == bits.arg && tests[i].mask == bits.mask) return i;
    }
    return std::nullopt;
  }

  // The bits that most alternatives look at; the first of them among equals.
  const Test* most_asked(const std::vector<Left>& problem) {
    if (problem.size() == 1) return first_test(problem[0]);
    std::vector<std::tuple<uint8_t, uint64_t, const Test*>> all;
    for (const Left& left : problem) {
      const std::vector<Test>& tests = *entries_[left.entry].tests;
      for (size_t i = 0; i < tests.size(); ++i) {
        if ((left.tests >> i & 1) != 0) all.emplace_back(tests[i].arg, tests[i].mask, &tests[i]);
      }
    }
    work_ += all.size();
    // By argument and mask alone: the order of addresses must not show.
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    });
    const Test* best = nullptr;
    size_t most = 0;
    for (size_t i = 0; i < all.size();) {
      size_t end = i + 1;
      while (end < all.size() && std::get<0>(all[end]) == std::get<0>(all[i]) &&
             std::get<1>(all[end]) == std::get<1>(all[i]))
        ++end;
      if (end - i > most) {
        most = end - i;
        best = std::get<2>(all[i]);
      }
      i = end;
    }
    return best;
  }

  std::optional<NodeId> solve(std::vector<Left> problem, unsigned depth) {
    // What comes behind an alternative that holds is never looked at.
    for (size_t i = 0; i < problem.size(); ++i) {
      if (problem[i].tests == 0) {
        problem.resize(i + 1);
        break;
      }
    }
    if (problem.empty()) return otherwise_;
    if (problem[0].tests == 0) return entries_[problem[0].entry].node;
    work_ += problem.size();
    if (work_ > max_work_ || graph_.size() > max_nodes_ || depth > kMaxDepth) return std::nullopt;
    if (const auto known = solved_.find(problem); known != solved_.end()) return known->second;

    // At each of these values some alternative begins or stops to hold.
    const Test* const bits = most_asked(problem);
    std::vector<uint64_t> firsts = {0};
    std::vector<std::optional<size_t>> tests(problem.size());
    for (size_t i = 0; i < problem.size(); ++i) {
      tests[i] = test_of(problem[i], *bits);
      if (!tests[i]) continue;
      for (const Range& range : (*entries_[problem[i].entry].tests)[*tests[i]].in) {
        firsts.push_back(range.first);
        const std::optional<uint64_t> next =
            range.last == kAll ? std::nullopt : next_possible(range.last + 1, bits->mask);
        if (next) firsts.push_back(*next);
      }
    }
    std::sort(firsts.begin(), firsts.end());
    firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());

    std::vector<WidePiece> pieces;
    std::vector<size_t> at(problem.size(), 0);  // for each alternative the range that is not behind us
    for (const uint64_t first : firsts) {
      std::vector<Left> rest;
      work_ += problem.size();
      for (size_t i = 0; i < problem.size(); ++i) {
        if (!tests[i]) {
          rest.push_back(problem[i]);
          continue;
        }
        const Ranges& in = (*entries_[problem[i].entry].tests)[*tests[i]].in;
        while (at[i] < in.size() && in[at[i]].last < first) ++at[i];
        if (at[i] < in.size() && in[at[i]].first <= first)
          rest.push_back({problem[i].entry, problem[i].tests & ~(uint64_t{1} << *tests[i])});
      }
      const std::optional<NodeId> node = solve(std::move(rest), depth + 1);
      if (!node) return std::nullopt;
      if (pieces.empty() || pieces.back().node != *node) pieces.push_back({first, *node});
    }
    const NodeId node = Halves(graph_, bits->arg, bits->mask, big_endian_).node_for(pieces);
    solved_.emplace(std::move(problem), node);
    return node;
  }

  Graph& graph_;
  NodeId otherwise_;
  bool big_endian_;
  std::vector<Entry> entries_;
  std::unordered_map<std::vector<Left>, NodeId, Hash> solved_;
  size_t ranges_ = 0;
  uint64_t work_ = 0;
  uint64_t max_work_ = 0;
  size_t max_nodes_ = 0;
};

}  // namespace

NodeId rule_graph(Graph& graph, const Decisions& decisions, NodeId otherwise, bool big_endian) {
  if (const std::optional<NodeId> joint = Joint(graph, decisions, otherwise, big_endian).build())
    return *joint;
  return chain(graph, decisions, otherwise, big_endian);
}

}  // namespace stile::filter
