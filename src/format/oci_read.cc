// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "format/json_text.h"
#include "format/oci.h"
#include "format/oci_format.h"
#include "format/oci_resolve.h"

namespace stile::format::oci {
namespace {

constexpr uint64_t kMaxErrno = 4095;  // MAX_ERRNO, include/linux/err.h

constexpr std::string_view kFlags[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                       "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                       "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

// Everything that is known while a document is read.
struct Reading {
  const Resolver& resolver;
  Profile& profile;
  std::vector<arch::ArchId> tables;
  std::vector<std::string> warnings;
  std::map<std::string, std::vector<Entry>> entries;  // by system call
  std::map<std::string, std::string>
      conditional;  // the first place of calls that a multiplexer can go around
  bool notifies = false;

  void warn(const std::string& place, const std::string& message) {
    warnings.push_back(place + ": " + message);
  }
};

// The number of "errnoRet" and the name of "errno" beside it, which podman takes first.
uint16_t read_errno(Object& object, ActionKind kind, const char* number_key, const char* name_key,
                    Reading& reading) {
  const bool has_number = object.has(number_key);
  const std::string name = object.text(name_key);
  if (!takes_errno(kind)) {
    if (has_number || !name.empty()) {
      object.fail(has_number ? number_key : name_key, fmt::format("{} takes none", action_name(kind)));
    }
    return 0;
  }
  const uint64_t number = has_number
                              ? object.number(number_key, kind == ActionKind::Errno ? kMaxErrno : 0xffff)
                              : uint64_t{EPERM};
  if (name.empty()) return static_cast<uint16_t>(number);
  const auto named = parse_action("errno:" + name);
  if (!named) {
    object.fail(name_key, named.error().message, named.error().hint);
  } else if (has_number && named->data != number) {
    reading.warn(
        object.path_of(name_key),
        fmt::format("{} is {}, and {} is {}: podman takes the name, docker the number; here the name counts",
                    name, named->data, number_key, number));
  }
  return named ? named->data : uint16_t{0};
}

Action read_action(Object& object, const char* key, const char* number_key, const char* name_key,
                   Reading& reading) {
  Action action;
  const std::string name = object.text(key, Need::Required);
  if (object.decoder().failed()) return action;
  if (const auto kind = action_from(name)) {
    action.kind = *kind;
  } else {
    object.fail(key, fmt::format("no action is called '{}'", name), "they start with SCMP_ACT_");
  }
  action.data = read_errno(object, action.kind, number_key, name_key, reading);
  if (action.kind == ActionKind::Notify) reading.notifies = true;
  return action;
}

// --- args ---

Comparison read_comparison(Object object, Reading& reading) {
  Comparison one;
  one.arg = static_cast<uint8_t>(object.number("index", 5, Need::Required));
  const std::string op = object.text("op", Need::Required);
  if (const auto known = op_from(op)) {
    one.op = *known;
  } else {
    object.fail("op", fmt::format("no operator is called '{}'", op), "they start with SCMP_CMP_");
  }
  // Go leaves out what is 0.
  one.value = object.number("value", ~uint64_t{0});
  one.value_two = object.number("valueTwo", ~uint64_t{0});
  object.done();
  if (one.op != Op::MaskedEq) {
    if (one.value_two != 0)
      reading.warn(object.path_of("valueTwo"), "only SCMP_CMP_MASKED_EQ looks at it: ignored");
    one.value_two = 0;
  } else if ((one.value_two & ~one.value) != 0) {
    reading.warn(object.path_of("valueTwo"),
                 fmt::format("has bits that the mask {:#x} takes away: libseccomp takes them away here too",
                             one.value));
    one.value_two &= one.value;
  }
  return one;
}

// 32-bit architectures have arguments of 32 bits; libseccomp cuts the value too (_db_rule_gen_32).
void warn_of_cut(const Comparison& one, const std::string& place, Reading& reading) {
  if (std::max(one.value, one.value_two) <= 0xffffffff) return;
  for (const arch::ArchId table : reading.tables) {
    const arch::ArchInfo& info = arch::arch_info(table);
    const bool wide = (info.audit_arch & 0x80000000) != 0;  // __AUDIT_ARCH_64BIT
    if (wide && table != arch::ArchId::X32) continue;
    return reading.warn(
        place,
        fmt::format("libseccomp takes only the low 32 bits of the value on {}; here all count", info.name));
  }
}

// What the runtimes turn "args" into: one list, or one for each comparison when two are of one argument.
std::vector<Comparisons> read_args(Object& object, Reading& reading) {
  Comparisons all;
  object.array("args", Need::Optional, [&](const json& value, const std::string& place) {
    const Comparison one = read_comparison(Object(object.decoder(), value, place), reading);
    warn_of_cut(one, place, reading);
    all.push_back(one);
  });
  std::set<uint8_t> seen;
  for (const Comparison& one : all) {
    if (seen.insert(one.arg).second) continue;
    reading.warn(
        object.path_of("args"),
        fmt::format(
            "argument {} is compared twice: container runtimes take each comparison here as a rule of "
            "its own, so that any one of them is enough; so does stile",
            one.arg));
    std::vector<Comparisons> each;
    for (const Comparison& single : all) each.push_back({single});
    for (Comparisons& single : each) {
      if (single[0].op == Op::MaskedEq && single[0].value == 0) single.clear();
    }
    return each;
  }
  // A mask without bits asks nothing; libseccomp drops it.
  std::erase_if(all, [](const Comparison& one) { return one.op == Op::MaskedEq && one.value == 0; });
  std::sort(all.begin(), all.end());
  return {all};
}

// --- entries ---

std::vector<std::string> read_names(Object& object) {
  std::vector<std::string> names = object.texts("names");
  if (object.has("name")) {
    if (!names.empty()) object.fail("name", "stands beside names: use one of them");
    names = {object.text("name")};
  } else if (!object.has("names")) {
    object.fail("names", "missing");
  } else if (names.empty()) {
    object.fail("names", "must hold at least one name");
  }
  return names;
}

void add_entry(const std::string& name, const Entry& entry, Reading& reading) {
  const bool here = std::any_of(reading.tables.begin(), reading.tables.end(), [&](arch::ArchId table) {
    return arch::syscall_number(table, name).has_value();
  });
  if (here) reading.entries[name].push_back(entry);
  const auto through = multiplexed(name);
  if (!through || std::none_of(reading.tables.begin(), reading.tables.end(), has_multiplexers)) return;
  Entry implied = entry;
  implied.implied = true;
  std::erase_if(implied.all, [](const Comparison& one) { return one.arg == 0; });
  implied.all.insert(implied.all.begin(), {0, Op::Eq, through->sub_call, 0});
  reading.entries[std::string(through->by)].push_back(std::move(implied));
  if (!entry.all.empty()) reading.conditional.emplace(name, entry.place);
}

bool asks(Object& object, const char* key) {
  const json* value = object.member(key);
  return value != nullptr && !value->empty();
}

void read_entry(Object object, Reading& reading) {
  const std::vector<std::string> names = read_names(object);
  Entry entry;
  entry.place = object.path();
  entry.action = read_action(object, "action", "errnoRet", "errno", reading);
  const std::vector<Comparisons> alternatives = read_args(object, reading);
  object.text("comment");
  entry.chosen = asks(object, "includes") || asks(object, "excludes");
  const bool applies = reading.resolver.applies(object, reading.warnings);
  object.done();
  if (!applies || object.decoder().failed()) return;

  if (entry.action == reading.profile.otherwise) {
    return reading.warn(entry.place,
                        "has the default action: container runtimes leave it out, and so does stile");
  }
  size_t index = 0;
  for (const std::string& name : names) {
    const std::string place = fmt::format("{}/{}", object.path_of("names"), index++);
    if (name.empty()) return object.decoder().fail(place, "is empty");
    if (!arch::is_syscall_name(name)) {
      const std::string_view near = arch::nearest_name(name, arch::all_names());
      reading.warn(place, fmt::format("no system call is called '{}'{}: ignored, as container runtimes do",
                                      name.substr(0, 64),
                                      near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
      continue;
    }
    if (entry.action.kind == ActionKind::Notify && name == "write") {
      reading.warn(place, "runc refuses SCMP_ACT_NOTIFY on write: it writes the listener's number itself");
    }
    for (const Comparisons& all : alternatives) {
      entry.all = all;
      add_entry(name, entry, reading);
    }
  }
}

// --- the document ---

void read_loading(Object& top, Reading& reading) {
  top.array("flags", Need::Optional, [&](const json& value, const std::string& place) {
    const std::string flag = value.is_string() ? value.get<std::string>() : std::string();
    if (std::find(std::begin(kFlags), std::end(kFlags), flag) == std::end(kFlags)) {
      return top.decoder().fail(place, fmt::format("no flag is called '{}'", flag),
                                "they start with SECCOMP_FILTER_FLAG_");
    }
    reading.warn(place, fmt::format("{} says how a filter is loaded, not what it decides: not kept", flag));
  });
  const std::string path = top.text("listenerPath");
  const bool metadata = !top.text("listenerMetadata").empty();
  if (metadata && path.empty()) top.fail("listenerMetadata", "must not stand without listenerPath");
  if (path.empty()) return;
  reading.warn(top.path_of("listenerPath"), reading.notifies
                                                ? "the listener is said when the filter is loaded: not kept"
                                                : "no rule has the action SCMP_ACT_NOTIFY: ignored");
}

void finish_rules(Reading& reading, Decoder& decoder) {
  for (auto& [name, entries] : reading.entries) {
    auto rule = merge(name, std::move(entries), reading.profile.otherwise, decoder.where(), reading.warnings);
    if (!rule) return decoder.fail("", rule.error().message, rule.error().hint, rule.error().code);
    for (const arch::ArchId table : reading.tables) {
      if (arch::syscall_number(table, name)) rule->arches.emplace_back(arch::arch_info(table).name);
    }
    std::sort(rule->arches.begin(), rule->arches.end());
    rule->because = {Evidence{EvidenceKind::Human, {}, {}, "stands in " + decoder.where()}};
    if (!rule->arches.empty()) reading.profile.rules.emplace(name, std::move(*rule));
  }
}

// Where a multiplexer lets a call through that has conditions of its own.
void warn_of_open_doors(Reading& reading) {
  for (const auto& [name, place] : reading.conditional) {
    const auto through = multiplexed(name);
    const auto rule = reading.profile.rules.find(std::string(through->by));
    if (rule == reading.profile.rules.end()) continue;
    const auto& cases = rule->second.cases;
    const auto found = std::find_if(cases.begin(), cases.end(),
                                    [&](const Case& one) { return holds(one.when, {through->sub_call}); });
    const Action action = found == cases.end() ? rule->second.action : found->action;
    if (action.kind != ActionKind::Allow) continue;
    reading.warn(place,
                 fmt::format("{}(2) of 32-bit programs reaches '{}' without these conditions: it passes the "
                             "arguments in memory, where no filter can look",
                             through->by, name));
  }
}

}  // namespace

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context,
                     std::vector<std::string>* warnings) {
  auto document = parse_json(text, where);
  if (!document) return tl::unexpected(document.error());
  return read_document(*document, "", where, context, warnings);
}

Result<Profile> read_document(const json& document, const std::string& path, const std::string& where,
                              const ReadContext& context, std::vector<std::string>* warnings) {
  auto resolver = Resolver::make(context);
  if (!resolver) return tl::unexpected(resolver.error());
  Decoder decoder(where, Nulls::AreAbsent);
  Object top(decoder, document, path);
  Profile profile;
  Reading reading{*resolver, profile, {}, {}, {}, {}, false};
  profile.otherwise = read_action(top, "defaultAction", "defaultErrnoRet", "defaultErrno", reading);
  if (reading.notifies) reading.warn(top.path_of("defaultAction"), "runc refuses SCMP_ACT_NOTIFY as the default");
  reading.tables = resolver->read_tables(top, reading.warnings);
  profile.arch = arch::arch_info(reading.tables[0]).name;
  for (const arch::ArchId table : reading.tables) {
    const std::string_view name = arch::arch_info(table).name;
    if (name != profile.arch) profile.also_arches.emplace_back(name);
  }
  std::sort(profile.also_arches.begin(), profile.also_arches.end());
  top.array("syscalls", Need::Optional, [&](const json& value, const std::string& place) {
    read_entry(Object(decoder, value, place), reading);
  });
  read_loading(top, reading);
  top.done();
  if (!decoder.failed()) finish_rules(reading, decoder);
  if (!decoder.failed()) warn_of_open_doors(reading);
  if (decoder.failed()) return tl::unexpected(decoder.error());
  if (warnings != nullptr) {
    warnings->insert(warnings->end(), std::make_move_iterator(reading.warnings.begin()),
                     std::make_move_iterator(reading.warnings.end()));
  }
  return profile;
}

}  // namespace stile::format::oci
