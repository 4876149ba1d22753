// SPDX-License-Identifier: Apache-2.0
//
// The SeccompProfile resource of Kubernetes' security-profiles-operator: an OCI profile as the `spec` of a YAML manifest, with a name. Facts
// from its api/seccompprofile/v1/seccompprofile_types.go (2026): numbers are int64 without sign, errnoRet is at most 4095 and 0
// counts as absent, the default's error is always EPERM, SCMP_ACT_NOTIFY is no default, architectures are those of kArches.
//
// Read are v1, v1beta1 and v1alpha1, which have the same members; what stands outside `spec` is read over.
#include <algorithm>
#include <cerrno>
#include <set>

#include <fmt/format.h>

#include <stile/format.h>

#include "format/oci.h"
#include "format/oci_format.h"
#include "format/plan.h"
#include "format/recognise.h"
#include "format/yaml_text.h"

namespace stile {
namespace format {
namespace {

constexpr std::string_view kGroup = "security-profiles-operator.x-k8s.io/";
constexpr uint16_t kMaxErrno = 4095;
constexpr uint64_t kMaxNumber = ~uint64_t{0} >> 1;  // int64

constexpr std::string_view kNoArches[] = {"loongarch64", "m68k", "sh", "sheb"};

Action carried(Action action) {
  if (action.kind == ActionKind::Errno && action.data == 0) return {ActionKind::Errno, EPERM};
  if (action.kind == ActionKind::Trace && (action.data == 0 || action.data > kMaxErrno)) return {ActionKind::Trace, EPERM};
  return action;
}

Action default_of(Action action) {
  if (action.kind == ActionKind::Errno || action.kind == ActionKind::Notify) return {ActionKind::Errno, EPERM};
  if (action.kind == ActionKind::Trace) return {ActionKind::Trace, EPERM};
  return action;
}

// Names with an entry that holds a number beyond int64.
std::set<std::string> beyond_int64(const ordered_json& document) {
  std::set<std::string> names;
  for (const ordered_json& entry : document["syscalls"]) {
    if (!entry.contains("args")) continue;
    const bool large = std::any_of(entry["args"].begin(), entry["args"].end(), [](const ordered_json& arg) {
      return arg["value"].get<uint64_t>() > kMaxNumber || (arg.contains("valueTwo") && arg["valueTwo"].get<uint64_t>() > kMaxNumber);
    });
    if (!large) continue;
    for (const ordered_json& name : entry["names"]) names.insert(name.get<std::string>());
  }
  return names;
}

Profile fitted(Profile profile, Losses& losses) {
  const Action otherwise = default_of(profile.otherwise);
  if (otherwise != profile.otherwise) {
    losses.add(fmt::format("calls that are not listed get {}, not {}", to_string(otherwise), to_string(profile.otherwise)));
    profile.otherwise = otherwise;
  }
  std::map<std::pair<std::string, std::string>, std::set<std::string>> changed;
  const auto change = [&](const std::string& name, Action& action) {
    const Action after = carried(action);
    if (after != action) changed[{to_string(after), to_string(action)}].insert(name);
    action = after;
  };
  for (auto& [name, rule] : profile.rules) {
    change(name, rule.action);
    for (Case& one : rule.cases) change(name, one.action);
  }
  for (const auto& [actions, names] : changed)
    losses.add(fmt::format("{}, not {}, for {}", actions.first, actions.second, some_of(names)));
  return profile;
}

// metadata.name must be a DNS subdomain name (RFC 1123).
std::string resource_name(const std::string& program) {
  std::string name;
  for (const char c : program) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain || c == '.' || c == '-') {
      name += c;
    } else if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c - 'A' + 'a');
    } else {
      name += '-';
    }
  }
  const auto outside = [](char c) { return c == '-' || c == '.'; };
  while (!name.empty() && outside(name.back())) name.pop_back();
  name.erase(0, static_cast<size_t>(std::find_if_not(name.begin(), name.end(), outside) - name.begin()));
  // A label after a dot must begin and end as the whole does.
  for (size_t i = 1; i < name.size();) {
    if (outside(name[i]) && outside(name[i - 1])) {
      name.erase(i, 1);
    } else {
      ++i;
    }
  }
  constexpr size_t kMaxName = 253 - 5;  // with .json
  name.resize(std::min(name.size(), kMaxName));
  while (!name.empty() && outside(name.back())) name.pop_back();
  return name.empty() ? "stile" : name;
}

std::string manifest(const ordered_json& document, const std::string& name) {
  std::string text = fmt::format("apiVersion: {}v1\nkind: SeccompProfile\nmetadata:\n  name: {}\nspec:\n  defaultAction: {}\n", kGroup,
                                 yaml_scalar(name), document["defaultAction"].get<std::string>());
  text += "  architectures:\n";
  for (const ordered_json& arch : document["architectures"]) text += fmt::format("  - {}\n", arch.get<std::string>());
  if (document["syscalls"].empty()) return text + "  syscalls: []\n";
  text += "  syscalls:\n";
  for (const ordered_json& entry : document["syscalls"]) {
    text += fmt::format("  - action: {}\n", entry["action"].get<std::string>());
    if (entry.contains("errnoRet")) text += fmt::format("    errnoRet: {}\n", entry["errnoRet"].get<uint64_t>());
    text += "    names:\n";
    for (const ordered_json& call : entry["names"]) text += fmt::format("    - {}\n", call.get<std::string>());
    if (!entry.contains("args")) continue;
    text += "    args:\n";
    for (const ordered_json& arg : entry["args"]) {
      text += fmt::format("    - index: {}\n      op: {}\n      value: {}\n", arg["index"].get<unsigned>(), arg["op"].get<std::string>(),
                          arg["value"].get<uint64_t>());
      if (arg.contains("valueTwo")) text += fmt::format("      valueTwo: {}\n", arg["valueTwo"].get<uint64_t>());
    }
  }
  return text;
}

Result<std::string> write(const Profile& original, std::vector<std::string>* lost) {
  Losses losses(lost);
  for (const std::string& arch : arches_of(original)) {
    if (std::find(std::begin(kNoArches), std::end(kNoArches), arch) != std::end(kNoArches))
      return stile::fail(Code::Unsupported, fmt::format("a SeccompProfile has no name for the architecture '{}'", arch));
  }
  Profile profile = fitted(original, losses);
  auto document = oci::document_of(profile, oci::Flavour::Oci, nullptr);
  if (!document) return tl::unexpected(document.error());
  for (const std::string& name : beyond_int64(*document)) {
    Rule& rule = profile.rules[name];
    filter::Decision decision = rule.cases;
    decision.push_back({Condition::always(), rule.action});
    rule.action = mildest(decision);
    rule.cases.clear();
    losses.add(fmt::format("{}: its conditions need numbers beyond 63 bits; it gets {} whatever its arguments are", name,
                           to_string(rule.action)));
  }
  document = oci::document_of(profile, oci::Flavour::Oci, lost);
  return manifest(*document, resource_name(profile.origin.program));
}

// What the two documents say differently: 0 is no error number here, and NATIVE is what libseccomp adds by itself.
void adapt(json& spec) {
  if (const auto entries = spec.find("syscalls"); entries != spec.end() && entries->is_array()) {
    for (json& entry : *entries) {
      if (entry.is_object() && entry.contains("errnoRet") && entry["errnoRet"] == 0) entry.erase("errnoRet");
    }
  }
  if (const auto arches = spec.find("architectures"); arches != spec.end() && arches->is_array()) {
    json named = json::array();
    for (json& arch : *arches) {
      if (arch != "SCMP_ARCH_NATIVE") named.push_back(std::move(arch));
    }
    *arches = std::move(named);
  }
}

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context,
                     std::vector<std::string>* warnings) {
  auto document = parse_yaml(text, where);
  if (!document) return tl::unexpected(document.error());
  Decoder decoder(where, Nulls::AreAbsent);
  Object top(decoder, document->value, "");
  const std::string version = top.text("apiVersion", Need::Required);
  const bool known = version == std::string(kGroup) + "v1" || version == std::string(kGroup) + "v1beta1" ||
                     version == std::string(kGroup) + "v1alpha1";
  if (!decoder.failed() && !known)
    top.fail("apiVersion", fmt::format("must be {}v1 or v1beta1, not '{}'", kGroup, version.substr(0, 100)));
  const std::string kind = top.text("kind", Need::Required);
  if (!decoder.failed() && kind != "SeccompProfile") top.fail("kind", "must be SeccompProfile");
  std::string name;
  if (const json* metadata = top.member("metadata")) name = Object(decoder, *metadata, "/metadata").text("name");
  const json* spec = top.member("spec", Need::Required);
  if (decoder.failed()) return tl::unexpected(with_place(decoder.error(), *document));

  json adapted = *spec;
  if (adapted.is_object()) {
    adapt(adapted);
    Object object(decoder, *spec, "/spec");
    const std::string base = object.text("baseProfileName");
    if (!base.empty() && warnings != nullptr) {
      warnings->push_back(fmt::format("/spec/baseProfileName: the operator adds what the profile '{}' allows; that is not in this file",
                                      base.substr(0, 100)));
    }
    // Of the operator, not of the profile.
    for (const char* key : {"baseProfileName", "disabled"}) adapted.erase(key);
  }
  if (decoder.failed()) return tl::unexpected(with_place(decoder.error(), *document));
  auto profile = oci::read_document(adapted, "/spec", where, context, warnings);
  if (!profile) return tl::unexpected(with_place(profile.error(), *document));
  profile->origin.program = name;
  return profile;
}

}  // namespace

bool looks_like_spo(std::string_view text) {
  return has_line(text, [](std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || stripped(line.substr(0, colon)) != "kind") return false;
    const std::string_view value = stripped(line.substr(colon + 1));
    return value == "SeccompProfile" || value == "\"SeccompProfile\"" || value == "'SeccompProfile'";
  });
}

}  // namespace format

extern const Format kSpoFormat = {"spo", "the SeccompProfile resource of Kubernetes' security-profiles-operator, as YAML", false,
                                  format::write, format::read};

}  // namespace stile
