// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "format/kafel.h"
#include "format/kafel_expression.h"
#include "format/refusals.h"
#include "format/text_lines.h"

namespace stile::format::kafel {
namespace {

using arch::ArchId;

// USE copies a policy; what it comes to in the end has this many rules at most.
constexpr size_t kMaxRules = 1u << 17;
constexpr size_t kMaxUses = 128;
constexpr size_t kMaxCasesPerCall = 4096;

struct Rule {
  Token at;
  std::string name;                 // of the call; empty for one by number
  uint32_t number = 0;
  std::optional<Condition> when;    // nothing: always
  std::set<ArchId> only;            // ON; empty: everywhere
  Action action;
};
// Rules in order, those of used policies in their place.
struct Entry {
  const std::vector<Entry>* used = nullptr;
  Rule rule;
};
using Policy = std::vector<Entry>;

class Parser {
 public:
  Parser(Cursor& cursor, ArchId machine, std::vector<std::string>* warnings) : cursor_(cursor), machine_(machine), warnings_(warnings) {}

  void read() {
    while (!cursor_.at_end() && !cursor_.failed()) statement();
  }

  Plan plan() {
    Plan plan;
    plan.arch = machine_;
    plan.otherwise = otherwise_.value_or(kKillThread);
    plan.bad_arch = kKillThread;
    plan.tables = guarded_;
    plan.tables.insert(machine_);
    flatten(main_, 0);
    for (auto& [call, cases] : cases_) {
      cases.push_back({Condition::always(), plan.otherwise});
      if (plan.tables.contains(call.first) || call.first == ArchId::X32) set_decision(plan, call, std::move(cases));
    }
    Losses none(nullptr);
    take_x32_for_unlisted(plan, plan.otherwise, none);
    return plan;
  }

 private:
  void warn(const Token& at, const std::string& message) {
    if (warnings_ != nullptr) warnings_->push_back(fmt::format("{}: {}", cursor_.place_in_main(at), message));
  }

  std::string word(std::string_view what) {
    const Token at = cursor_.token();
    if (at.kind != Token::Kind::Word || at.text[0] == '_') {
      cursor_.fail(fmt::format("{} is missing here", what));
      return {};
    }
    cursor_.next();
    return std::string(at.text);
  }

  void statement() {
    const Token at = cursor_.token();
    if (cursor_.take("#")) {
      cursor_.expect("define");
      const std::string name = word("the name of a constant");
      const Token number = cursor_.token();
      if (number.kind != Token::Kind::Number) cursor_.fail("a number is missing here");
      cursor_.next();
      const auto [constant, added] = constants_.emplace(name, number.number);
      if (!added && constant->second != number.number) cursor_.fail(at, fmt::format("{} has another value already", shown(name)));
    } else if (cursor_.take("POLICY")) {
      const std::string name = word("the name of a policy");
      if (policies_.contains(name)) cursor_.fail(at, fmt::format("a policy '{}' is there already", shown(name)));
      auto policy = std::make_unique<Policy>();
      cursor_.expect("{");
      if (!cursor_.is("}")) entries(*policy);
      cursor_.expect("}");
      policies_.emplace(name, std::move(policy));
    } else if (cursor_.take("DEFAULT")) {
      if (otherwise_) cursor_.fail(at, "DEFAULT stands here a second time");
      otherwise_ = action();
    } else {
      entries(main_);
    }
  }

  void entries(Policy& policy) {
    do {
      if (cursor_.take("USE")) {
        const Token at = cursor_.token();
        const auto used = policies_.find(word("the name of a policy"));
        if (!cursor_.failed() && used == policies_.end()) cursor_.fail(at, fmt::format("no policy '{}' is defined before this", shown(at.text)));
        if (used != policies_.end()) policy.push_back({used->second.get(), {}});
        continue;
      }
      const Action said = action();
      cursor_.expect("{");
      if (!cursor_.is("}")) {
        do {
          rule(policy, said);
        } while (!cursor_.failed() && cursor_.take(","));
      }
      cursor_.expect("}");
      // Blocks need a comma between them; many files have none after the last.
    } while (!cursor_.failed() && (cursor_.take(",") || (!cursor_.at_end() && !cursor_.is("}") && starts_entry())));
  }

  bool starts_entry() const {
    for (const std::string_view word : {"USE", "ALLOW", "LOG", "KILL", "KILL_THREAD", "KILL_PROCESS", "DENY", "ERRNO", "TRAP", "TRACE", "USER_NOTIF"}) {
      if (cursor_.is(word)) return true;
    }
    return false;
  }

  Action action() {
    constexpr std::pair<std::string_view, Action> kPlain[] = {
        {"ALLOW", kAllow}, {"LOG", kLog}, {"KILL", kKillThread}, {"KILL_THREAD", kKillThread}, {"DENY", kKillThread}, {"KILL_PROCESS", kKillProcess},
        {"USER_NOTIF", {ActionKind::Notify, 0}},
    };
    constexpr std::pair<std::string_view, ActionKind> kNumbered[] = {{"ERRNO", ActionKind::Errno}, {"TRAP", ActionKind::Trap}, {"TRACE", ActionKind::Trace}};
    for (const auto& [name, said] : kPlain) {
      if (cursor_.take(name)) return said;
    }
    for (const auto& [name, kind] : kNumbered) {
      if (!cursor_.take(name)) continue;
      cursor_.expect("(");
      const Token number = cursor_.token();
      if (number.kind != Token::Kind::Number || number.number > 0xffff) cursor_.fail("a number from 0 to 65535 is missing here");
      cursor_.next();
      cursor_.expect(")");
      return {kind, static_cast<uint16_t>(number.number)};
    }
    cursor_.fail(cursor_.at_end() ? "ends where an action is missing" : fmt::format("'{}' where a statement or an action is needed", shown(cursor_.token().text)),
                 "ALLOW, LOG, KILL, KILL_PROCESS, USER_NOTIF, ERRNO(n), TRAP(n), TRACE(n), POLICY, USE, DEFAULT or #define");
    return {};
  }

  void rule(Policy& policy, Action said) {
    Rule rule;
    rule.at = cursor_.token();
    rule.action = said;
    std::string shown_name(rule.at.text);
    if (cursor_.take("SYSCALL")) {
      cursor_.expect("[");
      const Token number = cursor_.token();
      if (number.kind != Token::Kind::Number) cursor_.fail("a number is missing here");
      rule.number = static_cast<uint32_t>(number.number);
      shown_name = std::to_string(rule.number);
      cursor_.next();
      cursor_.expect("]");
    } else {
      rule.name = word("the name of a system call");
      if (const auto constant = constants_.find(rule.name); constant != constants_.end()) {
        rule.number = static_cast<uint32_t>(constant->second);
        rule.name.clear();
      }
    }
    std::vector<std::string> declared;
    const bool declares = cursor_.take("(");
    if (declares && !cursor_.is(")")) {
      do {
        declared.push_back(word("the name of an argument"));
        if (declared.size() > 6) cursor_.fail("a system call has six arguments at most");
        if (std::count(declared.begin(), declared.end(), declared.back()) > 1) cursor_.fail("two arguments have one name");
      } while (!cursor_.failed() && cursor_.take(","));
    }
    if (declares) cursor_.expect(")");
    if (cursor_.take("ON")) on(rule);
    if (cursor_.take("{")) {
      if (!cursor_.is("}")) rule.when = read_expression(cursor_, names(rule, declares, declared, shown_name));
      cursor_.expect("}");
    }
    if (!cursor_.failed() && !rule.name.empty()) check_name(rule);
    if (!cursor_.failed()) policy.push_back({nullptr, std::move(rule)});
  }

  Names names(const Rule& rule, bool declares, const std::vector<std::string>& declared, const std::string& call) {
    const KafelCall* known = rule.name.empty() ? nullptr : call_by_name(rule.name);
    const std::string_view table = known == nullptr ? std::string_view() : known->arguments;
    return {constants_,
            [declares, declared, table](std::string_view name) -> std::optional<Argument> {
              if (declares) {
                const auto found = std::find(declared.begin(), declared.end(), name);
                if (found == declared.end()) return std::nullopt;
                return Argument{static_cast<uint8_t>(found - declared.begin()), ~uint64_t{0}};
              }
              uint8_t index = 0;
              for (size_t at = 0; at < table.size(); ++index) {
                const size_t end = std::min(table.find(' ', at), table.size());
                const std::string_view one = table.substr(at, end - at);
                if (one.substr(0, one.size() - 2) == name) return Argument{index, one.back() == '4' ? 0xffffffff : ~uint64_t{0}};
                at = end + 1;
              }
              return std::nullopt;
            },
            call, [this](const Token& at, const std::string& message) { warn(at, message); }};
  }

  void on(Rule& rule) {
    const bool braces = cursor_.take("{");
    do {
      const Token at = cursor_.token();
      const auto id = arch::arch_by_name(word("the name of an architecture"));
      if (!cursor_.failed() && (!id || arch_name(*id).empty())) cursor_.fail(at, fmt::format("kafel has no architecture called '{}'", shown(at.text)));
      if (id) {
        rule.only.insert(*id);
        guarded_.insert(*id);
      }
    } while (braces && !cursor_.failed() && cursor_.take(","));
    if (braces) cursor_.expect("}");
  }

  std::optional<uint32_t> number_on(ArchId table, const Rule& rule) const {
    if (rule.name.empty()) return rule.number;
    if (table == ArchId::X86_64) {
      if (const KafelCall* known = call_by_name(rule.name)) return known->number;
    }
    return arch::syscall_number(table, rule.name);
  }

  void check_name(const Rule& rule) {
    std::set<ArchId> tables = rule.only;
    if (tables.empty()) tables.insert(machine_);
    for (const ArchId table : tables) {
      if (number_on(table, rule)) continue;
      const std::string_view near = arch::nearest_name(rule.name, arch::all_names());
      return cursor_.fail(rule.at, fmt::format("{} has no system call called '{}'", arch::arch_info(table).name, shown(rule.name)),
                          near.empty() || near == rule.name ? "" : fmt::format("did you mean {}?", near));
    }
  }

  void flatten(const Policy& policy, size_t depth) {
    for (const Entry& entry : policy) {
      if (cursor_.failed()) return;
      if (++count_ > kMaxRules) return cursor_.fail(entry.rule.at, fmt::format("more than {} rules once USE is carried out", kMaxRules), {}, Code::Limit);
      if (entry.used != nullptr) {
        if (depth >= kMaxUses) return cursor_.fail(cursor_.token(), fmt::format("policies that use each other more than {} deep", kMaxUses), {}, Code::Limit);
        flatten(*entry.used, depth + 1);
        continue;
      }
      std::set<ArchId> tables = entry.rule.only;
      if (tables.empty()) {
        tables = guarded_;
        tables.insert(machine_);
      }
      for (const ArchId table : tables) {
        const auto number = number_on(table, entry.rule);
        if (!number) continue;
        filter::Decision& cases = cases_[filter::call_of(table, *number)];
        if (!cases.empty() && cases.back().when == Condition::always()) continue;
        if (cases.size() >= kMaxCasesPerCall)
          return cursor_.fail(entry.rule.at, fmt::format("more than {} rules for one call", kMaxCasesPerCall), {}, Code::Limit);
        cases.push_back({entry.rule.when.value_or(Condition::always()), entry.rule.action});
      }
    }
  }

  Cursor& cursor_;
  ArchId machine_;
  std::vector<std::string>* warnings_;
  std::map<std::string, uint64_t, std::less<>> constants_;
  std::map<std::string, std::unique_ptr<Policy>> policies_;
  Policy main_;
  std::optional<Action> otherwise_;
  std::set<ArchId> guarded_;
  std::map<filter::Call, filter::Decision> cases_;
  size_t count_ = 0;
};

}  // namespace

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings) {
  const auto machine = arch::arch_by_name(context.arch);
  if (!machine) return fail(Code::Usage, fmt::format("no architecture is called '{}'", context.arch));
  auto tokens = tokens_of(text, where, context);
  if (!tokens) return tl::unexpected(tokens.error());
  Cursor cursor(*tokens);
  Parser parser(cursor, *machine, warnings);
  parser.read();
  if (cursor.failed()) return tl::unexpected(cursor.error());
  const Plan plan = parser.plan();
  if (cursor.failed()) return tl::unexpected(cursor.error());
  return profile_of(plan, where);
}

}  // namespace stile::format::kafel
