// SPDX-License-Identifier: Apache-2.0
#include "format/seccompiler.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/clauses.h"
#include "format/json_text.h"
#include "format/recognise.h"
#include "format/refusals.h"

namespace stile {
namespace format {
namespace seccompiler {
namespace {

using arch::ArchId;

constexpr ArchId kTargets[] = {ArchId::X86_64, ArchId::Arm64, ArchId::Riscv64};  // TargetArch of src/backend/mod.rs
constexpr uint64_t kWord = 0xffffffff;
constexpr std::string_view kThread = "main";

// --- writing ---

ordered_json action_json(Action action) {
  switch (action.kind) {
    case ActionKind::Allow:
      return "allow";
    case ActionKind::Errno:
      return {{"errno", action.data}};
    case ActionKind::KillProcess:
      return "kill_process";
    case ActionKind::KillThread:
      return "kill_thread";
    case ActionKind::Log:
      return "log";
    case ActionKind::Trace:
      return {{"trace", action.data}};
    case ActionKind::Notify:
      return "user_notif";
    case ActionKind::Trap:
      break;
  }
  return "trap";
}

Action without_data(Action action) {
  if (action.kind == ActionKind::Trap) action.data = 0;
  return action;
}

// The other action a filter has beside its default: what most calls get of those that are not treated as the default treats them; where that
// refuses, allow before all others.
Action match_action(const Plan& plan) {
  std::map<std::pair<ActionKind, uint16_t>, size_t> counts;
  size_t alike = 0;  // as the default lets through, or refuses
  for (const auto& [call, decision] : plan.calls) {
    for (const Case& one : decision) {
      const Action action = without_data(one.action);
      if (action == plan.otherwise) continue;
      if (lets_through(action) == lets_through(plan.otherwise)) {
        ++alike;
      } else {
        ++counts[{action.kind, action.data}];
      }
    }
  }
  if (counts.empty() && alike == 0) return plan.otherwise == kAllow ? Action{ActionKind::Errno, EPERM} : kAllow;
  if (counts.empty()) {
    for (const auto& [call, decision] : plan.calls) {
      for (const Case& one : decision) {
        if (without_data(one.action) != plan.otherwise) return without_data(one.action);
      }
    }
  }
  if (counts.contains({ActionKind::Allow, 0})) return kAllow;
  const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& x, const auto& y) { return x.second < y.second; });
  return {most->first.first, most->first.second};
}

// Either of the two actions that a filter has.
Action nearest(Action action, Action otherwise, Action match) {
  if (action == otherwise || action == match) return action;
  // What is let through stays so, what is refused too where one of the two refuses.
  const Action both[] = {otherwise, match};
  for (const Action& one : both) {
    if (lets_through(one) == lets_through(action)) return one;
  }
  return milder(otherwise, match) ? otherwise : match;
}

Condition matching(const filter::Decision& decision, Action match) {
  for (const Case& part : filter::parts(decision)) {
    if (part.action == match) return part.when;
  }
  return Condition::never();
}

ordered_json atom_json(const Atom& atom) {
  ordered_json json = {{"index", atom.arg}};
  const bool word = atom.mask == kWord;
  json["type"] = word ? "dword" : "qword";
  if (word || atom.mask == ~uint64_t{0}) {
    constexpr std::string_view kOps[] = {"eq", "ne", "le", "ge"};
    json["op"] = kOps[static_cast<size_t>(atom.op)];
  } else {
    json["op"] = {{"masked_eq", atom.mask}};
  }
  json["val"] = atom.value;
  return json;
}

// --- reading ---

Action read_action(Object& object, const char* key, const char* alias) {
  const json* value = object.member(key);
  const json* other = object.member(alias);
  if (value == nullptr) value = other;
  if (value == nullptr) {
    object.fail(key, "missing");
    return {};
  }
  constexpr std::pair<std::string_view, ActionKind> kPlain[] = {
      {"allow", ActionKind::Allow},          {"kill_thread", ActionKind::KillThread}, {"kill_process", ActionKind::KillProcess},
      {"log", ActionKind::Log},              {"trap", ActionKind::Trap},              {"user_notif", ActionKind::Notify},
  };
  if (value->is_string()) {
    for (const auto& [name, kind] : kPlain) {
      if (*value == name) return {kind, 0};
    }
    object.fail(key, fmt::format("no action is called '{}'", value->get<std::string>().substr(0, 64)),
                "allow, kill_thread, kill_process, log, trap, user_notif, {\"errno\": NUMBER} or {\"trace\": NUMBER}");
    return {};
  }
  Object numbered(object.decoder(), *value, object.path_of(key));
  const bool trace = numbered.has("trace");
  const uint64_t number = numbered.number(trace ? "trace" : "errno", 0xffff, Need::Required);
  numbered.done();
  return {trace ? ActionKind::Trace : ActionKind::Errno, static_cast<uint16_t>(number)};
}

Condition read_condition(Object object) {
  constexpr uint64_t kMax = ~uint64_t{0};
  const auto index = static_cast<uint8_t>(object.number("index", 5, Need::Required));
  const std::string type = object.text("type", Need::Required);
  const json* op = object.member("op", Need::Required);
  uint64_t value = object.number("val", kMax, Need::Required);
  object.text("comment");
  const bool word = type == "dword";
  if (!object.decoder().failed() && !word && type != "qword") object.fail("type", "must be dword or qword");
  object.done();
  if (op == nullptr || object.decoder().failed()) return Condition::never();
  const uint64_t whole = word ? kWord : kMax;
  value &= whole;  // the upper half is not looked at
  Test test{index, whole, {}};
  if (op->is_object()) {
    Object masked(object.decoder(), *op, object.path_of("op"));
    test.mask = masked.number("masked_eq", kMax, Need::Required) & whole;
    masked.done();
    value &= test.mask;
    test.in = {{value, value}};
  } else if (*op == "eq") {
    test.in = {{value, value}};
  } else if (*op == "ne") {
    if (value != 0) test.in.push_back({0, value - 1});
    if (value != whole) test.in.push_back({value + 1, whole});
  } else if (*op == "le") {
    test.in = {{0, value}};
  } else if (*op == "lt") {
    if (value != 0) test.in = {{0, value - 1}};
  } else if (*op == "ge") {
    test.in = {{value, whole}};
  } else if (*op == "gt") {
    if (value != whole) test.in = {{value + 1, whole}};
  } else {
    object.fail("op", "must be eq, ne, lt, le, gt, ge or {\"masked_eq\": MASK}");
  }
  return {{{test}}};
}

struct Rules {
  std::string plain;         // place of a rule without conditions
  std::string conditional;   // and of the first with some
  Condition any = Condition::never();
};

void read_rule(Object object, ArchId table, std::map<filter::Call, Rules>& rules) {
  const std::string name = object.text("syscall", Need::Required);
  object.text("comment");
  Condition all = Condition::always();
  size_t count = 0;
  object.array("args", Need::Optional, [&](const json& value, const std::string& path) {
    all = all && read_condition(Object(object.decoder(), value, path));
    ++count;
  });
  if (object.has("args") && count == 0 && !object.decoder().failed()) object.fail("args", "must not be empty: seccompiler refuses that");
  object.done();
  if (object.decoder().failed()) return;
  const auto number = arch::syscall_number(table, name);
  if (!number) {
    const std::string_view near = arch::nearest_name(name, arch::all_names());
    return object.fail("syscall", fmt::format("{} has no system call called '{}'", arch::arch_info(table).name, name.substr(0, 64)),
                       near.empty() || near == name ? "" : fmt::format("did you mean {}?", near));
  }
  Rules& said = rules[{table, *number}];
  std::string& place = count == 0 ? said.plain : said.conditional;
  if (place.empty()) place = object.path();
  if (count != 0) said.any = said.any || all;
}

}  // namespace

Result<Plan> plan(const Profile& profile, Losses& losses) {
  auto made = plan_of(profile, losses);
  if (!made) return made;
  Plan& plan = *made;
  if (std::find(std::begin(kTargets), std::end(kTargets), plan.arch) == std::end(kTargets))
    return fail(Code::Unsupported, fmt::format("seccompiler knows no architecture called '{}'", profile.arch));
  const Action was = plan.bad_arch;
  set_bad_arch(plan, kKillProcess, losses);
  keep_tables(plan, with_x32(plan.arch), losses);
  set_otherwise(plan, without_data(plan.otherwise), "", losses);
  keep_calls(plan, [&](filter::Call call) { return call.first == plan.arch && arch::syscall_name(call.first, call.second).has_value(); },
             "seccompiler knows calls by their names on one architecture", losses);
  // Two answers in all. An errno that a call needs for its own sake (clone3 and ENOSYS) becomes that of all that is refused.
  const Action refusal = one_refusal(plan);
  set_otherwise(plan, refusal, refusal == Action{ActionKind::Errno, ENOSYS} ? "there is one refusal, and some calls need ENOSYS" : "", losses);
  const Action match = match_action(plan);
  map_actions(plan, [&](Action action) { return nearest(action, plan.otherwise, match); }, losses);
  const auto calls = plan.calls;
  for (const auto& [call, decision] : calls) {
    const auto when = normalise(matching(decision, match));
    if (when && clauses_of(*when, Ordered::WordsToo)) continue;
    const Action mild = mildest(decision);
    losses.add(fmt::format("{}: its conditions take more than {} rules; it gets {} whatever its arguments are", filter::call_name(call),
                           kMaxClauses, to_string(mild)));
    set_decision(plan, call, {{Condition::always(), mild}});
  }
  take_x32_for_unlisted(plan, was, losses);
  return made;
}

Result<std::string> write(const Profile& profile, std::vector<std::string>* lost) {
  Losses losses(lost);
  const auto made = plan(profile, losses);
  if (!made) return tl::unexpected(made.error());
  const Action match = match_action(*made);
  ordered_json rules = ordered_json::array();
  std::map<std::string, const filter::Decision*> by_name;
  for (const auto& [call, decision] : made->calls) by_name.emplace(filter::call_name(call), &decision);
  for (const auto& [name, decision] : by_name) {
    const auto when = normalise(matching(*decision, match));
    const auto clauses = when ? clauses_of(*when, Ordered::WordsToo) : std::nullopt;
    if (!clauses) continue;  // plan() has seen to it
    for (const Clause& clause : *clauses) {
      ordered_json rule = {{"syscall", name}};
      for (const Atom& atom : clause) rule["args"].push_back(atom_json(atom));
      rules.push_back(std::move(rule));
    }
  }
  ordered_json document = ordered_json::object();
  ordered_json filter = ordered_json::object();
  filter["mismatch_action"] = action_json(made->otherwise);
  filter["match_action"] = action_json(match);
  filter["filter"] = std::move(rules);
  document[std::string(kThread)] = std::move(filter);
  return print_json(document);
}

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings) {
  auto document = parse_json(text, where);
  if (!document) return tl::unexpected(document.error());
  const auto table = arch::arch_by_name(context.arch);
  if (!table) return fail(Code::Usage, fmt::format("no architecture is called '{}'", context.arch));
  if (!document->is_object() || document->empty()) return fail(Code::Malformed, "must be an object of filters by thread", where);
  std::string names;
  for (const auto& [name, filter] : document->items()) names += (names.empty() ? "" : ", ") + name.substr(0, 64);
  std::string thread = context.thread;
  if (thread.empty()) {
    if (document->size() > 1)
      return fail(Code::Usage, fmt::format("holds the filters of {} threads: {}", document->size(), names), where, "say --thread NAME");
    thread = document->begin().key();
  }
  if (!document->contains(thread)) return fail(Code::Usage, fmt::format("holds no filter for a thread '{}', but for {}", thread, names), where);

  Decoder decoder(where);
  Object top(decoder, (*document)[thread], pointer_step(thread));
  Plan plan;
  plan.arch = *table;
  plan.tables = {*table};
  plan.bad_arch = kKillProcess;
  plan.otherwise = read_action(top, "mismatch_action", "default_action");
  const Action match = read_action(top, "match_action", "filter_action");
  if (!decoder.failed() && match == plan.otherwise) top.fail("match_action", "is the mismatch_action too: seccompiler refuses that");
  std::map<filter::Call, Rules> rules;
  top.array("filter", Need::Required, [&](const json& value, const std::string& path) { read_rule(Object(decoder, value, path), *table, rules); });
  top.done();
  if (decoder.failed()) return tl::unexpected(decoder.error());
  for (const auto& [call, said] : rules) {
    if (!said.plain.empty() && !said.conditional.empty() && warnings != nullptr) {
      warnings->push_back(fmt::format("{}: has no effect on '{}': {} and its like, with conditions, decide it", said.plain,
                                      filter::call_name(call), said.conditional));
    }
    auto when = normalise(said.conditional.empty() ? Condition::always() : said.any);
    if (!when) return fail(when.error().code, fmt::format("{}: '{}': {}", said.conditional, filter::call_name(call), when.error().message), where);
    set_decision(plan, call, {{std::move(*when), match}, {Condition::always(), plan.otherwise}});
  }
  Losses none(nullptr);
  take_x32_for_unlisted(plan, plan.otherwise, none);
  return profile_of(plan, where);
}

}  // namespace seccompiler

bool looks_like_seccompiler(std::string_view text) {
  const auto document = parse_json(text, "");
  if (!document) return text.find("\"mismatch_action\"") != std::string_view::npos;
  return document->is_object() && !document->empty() && std::any_of(document->begin(), document->end(), [](const json& filter) {
    return filter.is_object() && filter.contains("filter") && (filter.contains("mismatch_action") || filter.contains("default_action"));
  });
}

}  // namespace format

extern const Format kSeccompilerFormat = {"seccompiler", "the JSON of rust-vmm's seccompiler (Firecracker)", false, format::seccompiler::write,
                                          format::seccompiler::read};

}  // namespace stile
