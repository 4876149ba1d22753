// SPDX-License-Identifier: Apache-2.0
//
// From a profile to its program: names become numbers (resolve), conditions graphs of decisions (rule_graph),
// numbers pieces of equal answers (number_map), pieces trees of comparisons (search), and the graph
// instructions (emit).
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <stile/filter.h>

#include "filter/emit.h"
#include "filter/linear.h"
#include "filter/number_map.h"
#include "filter/opcodes.h"
#include "filter/resolve.h"
#include "filter/rule_graph.h"
#include "filter/search.h"

namespace stile {
namespace {

using namespace filter;

// Far more than 4096 instructions can hold: a profile that leads to it is refused without working it out to
// its end.
constexpr size_t kMaxNodes = 1 << 20;
constexpr uint8_t kArguments = 6;

Result<Condition> checked(const Condition& when, const std::string& call) {
  for (const auto& alternative : when.any) {
    for (const Test& test : alternative) {
      if (test.arg < kArguments) continue;
      return fail(Code::Usage, fmt::format("there is no argument {}", test.arg), fmt::format("rule {}", call),
                  "a system call has the arguments 0 to 5");
    }
  }
  Result<Condition> normal = normalise(when);
  if (!normal) {
    Error error = normal.error();
    error.where = fmt::format("rule {}", call);
    return tl::unexpected(std::move(error));
  }
  return normal;
}

// The cases of all rules in normal form, in step with the rules.
Result<std::vector<std::vector<Case>>> normal_cases(const Resolved& resolved) {
  std::vector<std::vector<Case>> all(resolved.rules.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [call, rule] = *resolved.rules[i];
    for (const Case& one : rule.cases) {
      Result<Condition> when = checked(one.when, call);
      if (!when) return tl::unexpected(when.error());
      all[i].push_back({std::move(*when), one.action});
    }
  }
  return all;
}

// How often a number is looked for, relative to others. The kernel answers constant allows from a bitmap
// (since 5.11), so what comes to the filter at all is above all what has conditions.
class Weights {
 public:
  explicit Weights(const std::map<std::string, double>& counts) : counts_(counts) {
    for (const auto& [call, count] : counts) total_ += usable(count);
  }

  float of(const std::string& call, bool has_conditions, bool is_allow) const {
    constexpr double kConstant = 0.25;  // of four calls that no one asked to weigh
    if (counts_.empty()) return has_conditions ? kAll : kConstant;
    const auto known = counts_.find(call);
    if (known == counts_.end() || total_ <= 0) return has_conditions ? 1 : kConstant;
    const double share = usable(known->second) / total_ * kAll;
    constexpr double kCached = 0.02;  // kernels without the bitmap, and what a call costs there
    return static_cast<float>(kConstant + share * (is_allow ? kCached : 1));
  }

 private:
  static constexpr float kAll = 1000;
  static double usable(double count) { return std::isfinite(count) && count > 0 ? std::min(count, 1e15) : 0; }

  const std::map<std::string, double>& counts_;
  double total_ = 0;
};

class Compiler {
 public:
  Compiler(const Profile& profile, const Resolved& resolved, const std::vector<std::vector<Case>>& cases,
           const CompileOptions& options)
      : profile_(profile), resolved_(resolved), cases_(cases), options_(options) {}

  Result<Program> run() {
    if (Result<void> made = make_rules(); !made) return tl::unexpected(made.error());
    bad_arch_ = returns(profile_.bad_arch);
    const NodeId root = arch_node();
    Program program = emit(graph_, root);
    if (program.size() > kMaxInstructions)
      return too_long(fmt::format("the filter needs {} instructions", program.size()));
    return program;
  }

 private:
  NodeId returns(Action action) { return graph_.returns(return_value(action)); }

  Result<void> make_rules() {
    const Weights weights(options_.weights);
    rules_.reserve(resolved_.rules.size());
    for (size_t i = 0; i < resolved_.rules.size(); ++i) {
      const auto& [call, rule] = *resolved_.rules[i];
      const size_t before = graph_.size();
      NodeId node = returns(rule.action);
      if (!cases_[i].empty()) {
        Decisions decisions;
        for (const Case& one : cases_[i]) decisions.emplace_back(one.when, returns(one.action));
        node = rule_graph(graph_, decisions, node, options_.big_endian);
      }
      if (graph_.size() - before > largest_nodes_) {
        largest_nodes_ = graph_.size() - before;
        largest_ = &call;
      }
      if (graph_.size() > kMaxNodes)
        return too_long(fmt::format("the filter needs more than {} instructions", kMaxInstructions));
      const bool is_allow = graph_.is_return(node) && graph_[node].k == kRetAllow;
      rules_.push_back({node, weights.of(call, !graph_.is_return(node), is_allow)});
    }
    return {};
  }

  tl::unexpected<Error> too_long(std::string message) const {
    std::string hint = "fewer conditions, or fewer architectures";
    if (largest_ != nullptr && largest_nodes_ > 2)
      hint = fmt::format("the conditions of {} take most, about {}", *largest_, largest_nodes_);
    return fail(Code::Limit, fmt::format("{}, the kernel takes {}", message, kMaxInstructions), {},
                std::move(hint));
  }

  NodeId arch_node() {
    const Table* x86_64 = nullptr;
    const Table* x32 = nullptr;
    std::vector<Piece> arches;  // single values first, sorted below
    const auto add = [&](arch::ArchId id, NodeId node) {
      const bool own = arch::arch_info(id).audit_arch == arch::arch_info(resolved_.own).audit_arch;
      arches.push_back({arch::arch_info(id).audit_arch, node, own ? kOwnWeight : kOtherWeight});
    };
    for (const Table& table : resolved_.tables) {
      if (table.id == arch::ArchId::X86_64) {
        x86_64 = &table;
      } else if (table.id == arch::ArchId::X32) {
        x32 = &table;
      } else {
        std::vector<Piece> map = map_of(table);
        add(table.id, search(graph_, kWordNumber, kAllBits, map));
      }
    }
    if (x86_64 != nullptr || x32 != nullptr) add(arch::ArchId::X86_64, x86_node(x86_64, x32));

    std::sort(arches.begin(), arches.end(), [](const Piece& a, const Piece& b) { return a.first < b.first; });
    std::vector<Piece> pieces = {{0, bad_arch_, 1}};
    for (const Piece& one : arches) {
      if (pieces.back().first == one.first) pieces.pop_back();
      pieces.push_back(one);
      if (one.first != kAllBits) pieces.push_back({one.first + 1, bad_arch_, 1});
    }
    return search(graph_, kWordArch, kAllBits, pieces);
  }

  std::vector<Piece> map_of(const Table& table) {
    const Unlisted unlisted{returns(profile_.otherwise), returns(no_such_call(table.id))};
    return number_map(resolved_, table, rules_, unlisted);
  }

  // x86_64 and x32 have one audit architecture; bit 30 of the number tells them apart (see table_for).
  NodeId x86_node(const Table* x86_64, const Table* x32) {
    const std::vector<Piece> foreign = {{0, bad_arch_, 1}};
    std::vector<Piece> map = foreign;
    if (x86_64 != nullptr) {
      const std::vector<Piece> own = map_of(*x86_64);
      map = overlay(map, own, 0, kX32Bit - 1);
      map = overlay(map, own, kSkipped, kSkipped);
    }
    if (x32 == nullptr) return search(graph_, kWordNumber, kAllBits, map);
    map = overlay(map, map_of(*x32), kX32Bit, kAllBits);

    // Most calls have the same number in both but for the bit. Looked up without it, they share their answer;
    // where they do not, the bit is asked for in the end.
    std::vector<uint32_t> firsts = {0, 2 * kX32Bit};
    for (const Piece& piece : map) firsts.push_back(piece.first & ~kX32Bit);
    std::sort(firsts.begin(), firsts.end());
    firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());
    const std::vector<uint32_t> asked_first = likely_numbers(map);
    std::vector<Piece> pairs;
    size_t differ = 0;
    for (const uint32_t first : firsts) {
      const Piece& low = piece_at(map, first);
      const Piece& high = piece_at(map, first | kX32Bit);
      if (!pairs.empty() && low.node == last_low_ && high.node == last_high_) continue;
      last_low_ = low.node;
      last_high_ = high.node;
      differ += low.node != high.node ? 1 : 0;
      const NodeId node = graph_.asks(Ask::AnyBit, kWordNumber, kAllBits, kX32Bit, high.node, low.node);
      const bool found_before = std::binary_search(asked_first.begin(), asked_first.end(), first);
      pairs.push_back({first, node, found_before ? 1 : std::max(low.weight, high.weight)});
    }
    if (pairs.size() + 2 * differ >= map.size()) return search(graph_, kWordNumber, kAllBits, map);
    NodeId node = search(graph_, kWordNumber, ~kX32Bit, pairs);
    for (const uint32_t number : asked_first)
      node = graph_.asks(Ask::Equal, kWordNumber, kAllBits, number, piece_at(map, number).node, node);
    return node;
  }

  // Numbers of x86_64 that are worth asking for before the bit is taken away, sorted: few, and each a good
  // part of all calls.
  std::vector<uint32_t> likely_numbers(const std::vector<Piece>& map) const {
    constexpr float kGoodPart = 0.15F;
    float total = 0;
    for (const Piece& piece : map) total += piece.first < kX32Bit ? piece.weight : 0;
    std::vector<uint32_t> numbers;
    for (size_t i = 0; i + 1 < map.size() && map[i].first < kX32Bit; ++i) {
      const bool single = map[i + 1].first == map[i].first + 1;
      if (single && map[i].weight >= kGoodPart * total) numbers.push_back(map[i].first);
    }
    return numbers;
  }

  static constexpr uint32_t kAllBits = ~uint32_t{0};
  static constexpr float kOwnWeight = 1000;
  static constexpr float kOtherWeight = 20;

  const Profile& profile_;
  const Resolved& resolved_;
  const std::vector<std::vector<Case>>& cases_;
  const CompileOptions& options_;
  Graph graph_;
  std::vector<RuleNode> rules_;
  NodeId bad_arch_ = 0;
  NodeId last_low_ = 0;
  NodeId last_high_ = 0;
  const std::string* largest_ = nullptr;
  size_t largest_nodes_ = 0;
};

}  // namespace

Result<Program> compile(const Profile& profile, const CompileOptions& options) {
  const Result<Resolved> resolved = resolve(profile);
  if (!resolved) return tl::unexpected(resolved.error());
  const Result<std::vector<std::vector<Case>>> cases = normal_cases(*resolved);
  if (!cases) return tl::unexpected(cases.error());
  if (options.optimise) return Compiler(profile, *resolved, *cases, options).run();

  Program program = linear_program(profile, *resolved, *cases, options.big_endian);
  if (program.size() <= kMaxInstructions) return program;
  return fail(
      Code::Limit,
      fmt::format("the filter needs {} instructions, the kernel takes {}", program.size(), kMaxInstructions),
      {}, "it is shorter when optimised");
}

}  // namespace stile
