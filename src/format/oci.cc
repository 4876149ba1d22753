// SPDX-License-Identifier: Apache-2.0
//
// The seccomp part of the OCI runtime specification (config-linux.md, "Seccomp"), as runc, crun, docker and
// podman read it.
//
// What it loses: evidence, gaps and origin; for which system call table a rule was (a rule holds for every
// architecture listed). What it adds: clone3 refused with ENOSYS. The C libraries fall back to clone on
// ENOSYS and on nothing else (glibc sysdeps/unix/sysv/linux/clone-internal.c), and a filter cannot look at
// clone3's flags.
#include <algorithm>
#include <cerrno>
#include <set>

#include <fmt/format.h>

#include <stile/format.h>

#include "arch/syscalls.h"
#include "format/json_text.h"

namespace stile {
namespace format {
namespace {

struct NamedAction {
  const char* name;
  ActionKind kind;
};

constexpr NamedAction kActions[] = {
    {"SCMP_ACT_ALLOW", ActionKind::Allow},
    {"SCMP_ACT_ERRNO", ActionKind::Errno},
    {"SCMP_ACT_KILL_PROCESS", ActionKind::KillProcess},
    {"SCMP_ACT_KILL_THREAD", ActionKind::KillThread},
    {"SCMP_ACT_KILL", ActionKind::KillThread},  // the older name; written as KILL_THREAD
    {"SCMP_ACT_LOG", ActionKind::Log},
    {"SCMP_ACT_TRAP", ActionKind::Trap},
    {"SCMP_ACT_TRACE", ActionKind::Trace},
};

constexpr uint64_t kMaxErrno = 4095;  // MAX_ERRNO, include/linux/err.h

bool takes_data(ActionKind kind) {
  return kind == ActionKind::Errno || kind == ActionKind::Trace;
}

// --- writing ---

const char* action_name(ActionKind kind) {
  for (const NamedAction& action : kActions) {
    if (action.kind == kind) return action.name;
  }
  return "SCMP_ACT_KILL_PROCESS";
}

Result<ordered_json> write_arches(const Profile& profile) {
  std::set<std::string> wanted = {profile.arch};
  for (const auto& [name, rule] : profile.rules) wanted.insert(rule.arches.begin(), rule.arches.end());
  ordered_json list = ordered_json::array();
  for (const arch::ArchInfo& info : arch::all_archs()) {
    if (info.oci_name.empty()) continue;
    if (wanted.erase(std::string(info.name)) != 0) list.push_back(info.oci_name);
  }
  if (wanted.empty()) return list;
  return stile::fail(Code::Unsupported,
                     fmt::format("the OCI format has no name for the architecture '{}'", *wanted.begin()));
}

// Whether a refused clone3 would be answered with something a C library takes for a final no.
bool clone3_needs_enosys(const Profile& profile) {
  if (profile.rules.contains("clone3")) return false;
  switch (profile.otherwise.kind) {
    case ActionKind::Errno:
      return profile.otherwise.data != ENOSYS;
    case ActionKind::KillProcess:
    case ActionKind::KillThread:
    case ActionKind::Trap:
      return true;
    default:
      return false;
  }
}

Result<std::string> write(const Profile& profile) {
  auto arches = write_arches(profile);
  if (!arches) return tl::unexpected(arches.error());

  // Rules with one action share an entry; Allow comes first, being the first of the enumeration.
  std::map<std::pair<ActionKind, uint16_t>, std::set<std::string>> entries;
  for (const auto& [name, rule] : profile.rules) {
    if (rule.action != profile.otherwise) entries[{rule.action.kind, rule.action.data}].insert(name);
  }
  if (clone3_needs_enosys(profile)) entries[{ActionKind::Errno, ENOSYS}].insert("clone3");

  ordered_json document = ordered_json::object();
  document["defaultAction"] = action_name(profile.otherwise.kind);
  if (takes_data(profile.otherwise.kind)) document["defaultErrnoRet"] = profile.otherwise.data;
  document["architectures"] = std::move(*arches);
  ordered_json list = ordered_json::array();
  for (const auto& [action, names] : entries) {
    ordered_json entry = ordered_json::object();
    entry["names"] = names;
    entry["action"] = action_name(action.first);
    if (takes_data(action.first)) entry["errnoRet"] = action.second;
    list.push_back(std::move(entry));
  }
  document["syscalls"] = std::move(list);
  return print_json(document);
}

// --- reading ---

Action read_action(Object& object, const char* key, const char* data_key) {
  Action action;
  const std::string name = object.text(key, Need::Required);
  const NamedAction* known = std::find_if(std::begin(kActions), std::end(kActions),
                                          [&](const NamedAction& a) { return name == a.name; });
  if (name == "SCMP_ACT_NOTIFY") {
    object.decoder().fail(object.path_of(key), "SCMP_ACT_NOTIFY is not supported yet", {}, Code::Unsupported);
  } else if (known == std::end(kActions)) {
    object.fail(key, fmt::format("no action is called '{}'", name), "they start with SCMP_ACT_");
  } else {
    action.kind = known->kind;
  }
  if (!takes_data(action.kind)) {
    if (object.has(data_key)) object.fail(data_key, fmt::format("{} takes none", name));
    return action;
  }
  const uint64_t max = action.kind == ActionKind::Errno ? kMaxErrno : 0xffff;
  action.data = object.has(data_key) ? static_cast<uint16_t>(object.number(data_key, max)) : uint16_t{EPERM};
  return action;
}

void refuse(Object& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const json* value = object.member(key);
    // "args": null and [] are common and mean the same as nothing.
    if (value == nullptr || value->is_null() || value->empty()) continue;
    object.decoder().fail(object.path_of(key),
                          "is not supported yet: leaving it out would change what is allowed",
                          "only plain OCI rules without argument conditions can be read", Code::Unsupported);
  }
}

std::vector<std::string> read_arches(Object& top) {
  std::vector<std::string> arches;
  top.array("architectures", Need::Optional, [&](const json& value, const std::string& path) {
    const std::string name = value.is_string() ? value.get<std::string>() : std::string();
    for (const arch::ArchInfo& info : arch::all_archs()) {
      if (!name.empty() && name == info.oci_name) return arches.push_back(std::string(info.name));
    }
    top.decoder().fail(path, fmt::format("no architecture is called '{}'", name),
                       "they start with SCMP_ARCH_");
  });
  if (arches.empty()) arches.push_back("x86_64");
  std::sort(arches.begin(), arches.end());
  arches.erase(std::unique(arches.begin(), arches.end()), arches.end());
  return arches;
}

void read_entry(Object object, const std::string& where, Profile& profile,
                const std::vector<std::string>& arches) {
  const std::vector<std::string> names = object.texts("names", Need::Required);
  if (names.empty()) object.fail("names", "must hold at least one name");
  Rule rule;
  rule.action = read_action(object, "action", "errnoRet");
  rule.arches = arches;
  rule.because = {Evidence{EvidenceKind::Human, {}, {}, "stands in " + where}};
  object.text("comment");
  refuse(object, {"args", "includes", "excludes", "errno"});
  object.done();
  for (const std::string& name : names) {
    if (name.empty()) object.fail("names", "holds an empty name");
    const auto [place, fresh] = profile.rules.emplace(name, rule);
    // runc and crun refuse such a profile too: libseccomp answers EEXIST.
    if (!fresh && place->second.action != rule.action) {
      object.fail("names", fmt::format("'{}' has another action further up", name));
    }
  }
}

Result<Profile> read(std::string_view text, const std::string& where) {
  auto document = parse_json(text, where);
  if (!document) return tl::unexpected(document.error());

  Decoder decoder(where);
  Object top(decoder, *document, "");
  Profile profile;
  profile.otherwise = read_action(top, "defaultAction", "defaultErrnoRet");
  const std::vector<std::string> arches = read_arches(top);
  const bool x86_64 = std::find(arches.begin(), arches.end(), "x86_64") != arches.end();
  profile.arch = x86_64 ? "x86_64" : arches.front();
  // The flags of seccomp(2) change how a filter is loaded and logged, not what it allows.
  top.texts("flags");
  refuse(top, {"archMap", "listenerPath", "listenerMetadata", "defaultErrno"});
  top.array("syscalls", Need::Optional, [&](const json& value, const std::string& path) {
    read_entry(Object(decoder, value, path), where, profile, arches);
  });
  top.done();
  if (decoder.failed()) return tl::unexpected(decoder.error());
  return profile;
}

}  // namespace
}  // namespace format

extern const Format kOciFormat = {"oci", "the JSON that runc, crun, docker and podman take", format::write,
                                  format::read};

}  // namespace stile
