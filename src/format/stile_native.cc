// SPDX-License-Identifier: Apache-2.0
//
// stile's own format: all of a Profile as JSON, so that read(write(p)) == p. What it loses: bytes in names
// that are not UTF-8 become U+FFFD. Members that are empty or zero are left out. Addresses are strings,
// because many JSON readers hold numbers in a double.
#include <fmt/format.h>

#include <stile/format.h>

#include "format/json_text.h"

namespace stile {
namespace format {
namespace {

constexpr uint64_t kSchema = 1;
constexpr const char* kKind = "stile-profile";
constexpr uint64_t kMax32 = 0xffffffff;

// --- writing ---

void put(ordered_json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}
void put(ordered_json& object, const char* key, uint64_t value) {
  if (value != 0) object[key] = value;
}
void put(ordered_json& object, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) object[key] = values;
}
void put_address(ordered_json& object, const char* key, uint64_t value) {
  if (value != 0) object[key] = fmt::format("{:#x}", value);
}

ordered_json write_origin(const Origin& origin) {
  ordered_json object = ordered_json::object();
  put(object, "program", origin.program);
  put(object, "build_id", origin.build_id);
  put(object, "go_version", origin.go_version);
  if (origin.main_module != GoModule{}) {
    ordered_json module = ordered_json::object();
    put(module, "path", origin.main_module.path);
    put(module, "version", origin.main_module.version);
    object["main_module"] = module;
  }
  put(object, "link", origin.link);
  put(object, "tool_version", origin.tool_version);
  put(object, "options", origin.options);
  put(object, "libraries", origin.libraries);
  return object;
}

ordered_json write_evidence(const Evidence& evidence) {
  ordered_json object = ordered_json::object();
  object["kind"] = to_string(evidence.kind);
  put(object, "root", evidence.root);
  put(object, "note", evidence.note);
  if (evidence.frames.empty()) return object;
  ordered_json frames = ordered_json::array();
  for (const Frame& frame : evidence.frames) {
    ordered_json one = ordered_json::object();
    put(one, "function", frame.function);
    put(one, "package", frame.package);
    put(one, "module", frame.module);
    put(one, "file", frame.file);
    put(one, "line", uint64_t{frame.line});
    put_address(one, "address", frame.address);
    put(one, "via", frame.via);
    frames.push_back(std::move(one));
  }
  object["frames"] = std::move(frames);
  return object;
}

ordered_json write_rule(const Rule& rule) {
  ordered_json object = ordered_json::object();
  object["action"] = to_string(rule.action);
  for (const Case& one : rule.cases) {
    object["cases"].push_back({{"when", to_string(one.when)}, {"action", to_string(one.action)}});
  }
  put(object, "sites", uint64_t{rule.sites});
  put(object, "arches", rule.arches);
  put(object, "packages", rule.packages);
  put(object, "brought_by", rule.brought_by);
  ordered_json because = ordered_json::array();
  for (const Evidence& evidence : rule.because) because.push_back(write_evidence(evidence));
  object["because"] = std::move(because);
  return object;
}

constexpr struct {
  const char* name;
  unsigned bit;
} kAccess[] = {{"read", kPathRead}, {"write", kPathWrite}, {"execute", kPathExecute}};

ordered_json write_path(const PathRule& rule) {
  ordered_json object = ordered_json::object();
  object["path"] = rule.path;
  object["access"] = ordered_json::array();
  for (const auto& access : kAccess) {
    if ((rule.access & access.bit) != 0) object["access"].push_back(access.name);
  }
  return object;
}

ordered_json write_gap(const Gap& gap) {
  ordered_json object = ordered_json::object();
  object["kind"] = to_string(gap.kind);
  put(object, "function", gap.function);
  put(object, "object", gap.object);
  put(object, "file", gap.file);
  put(object, "line", uint64_t{gap.line});
  put_address(object, "address", gap.address);
  put(object, "what", gap.what);
  put(object, "hint", gap.hint);
  return object;
}

Result<std::string> write(const Profile& profile, std::vector<std::string>*) {
  ordered_json document = ordered_json::object();
  document["kind"] = kKind;
  document["schema"] = kSchema;
  document["arch"] = profile.arch;
  put(document, "also_arches", profile.also_arches);
  document["default_action"] = to_string(profile.otherwise);
  if (profile.bad_arch != Profile{}.bad_arch) document["bad_arch_action"] = to_string(profile.bad_arch);
  put(document, "written_for", profile.written_for);
  document["origin"] = write_origin(profile.origin);
  ordered_json rules = ordered_json::object();
  for (const auto& [name, rule] : profile.rules) rules[name] = write_rule(rule);
  document["syscalls"] = std::move(rules);
  for (const PathRule& rule : profile.paths) document["paths"].push_back(write_path(rule));
  ordered_json gaps = ordered_json::array();
  for (const Gap& gap : profile.gaps) gaps.push_back(write_gap(gap));
  document["gaps"] = std::move(gaps);
  return print_json(document);
}

// --- reading ---

Action read_action(Object& object, const char* key) {
  const std::string text = object.text(key, Need::Required);
  if (object.decoder().failed()) return {};
  auto action = parse_action(text);
  if (action) return *action;
  object.fail(key, action.error().message, action.error().hint);
  return {};
}

Origin read_origin(Object object) {
  Origin origin;
  origin.program = object.text("program");
  origin.build_id = object.text("build_id");
  origin.go_version = object.text("go_version");
  if (const json* value = object.member("main_module")) {
    Object module(object.decoder(), *value, object.path_of("main_module"));
    origin.main_module.path = module.text("path");
    origin.main_module.version = module.text("version");
    module.done();
  }
  origin.link = object.text("link");
  origin.tool_version = object.text("tool_version");
  origin.options = object.texts("options");
  origin.libraries = object.texts("libraries");
  object.done();
  return origin;
}

Frame read_frame(Object object) {
  Frame frame;
  frame.function = object.text("function");
  frame.package = object.text("package");
  frame.module = object.text("module");
  frame.file = object.text("file");
  frame.line = static_cast<uint32_t>(object.number("line", kMax32));
  frame.address = object.address("address");
  frame.via = object.text("via");
  object.done();
  return frame;
}

Evidence read_evidence(Object object) {
  Evidence evidence;
  const std::string kind = object.text("kind", Need::Required);
  if (auto known = evidence_kind_from(kind)) {
    evidence.kind = *known;
  } else {
    object.fail("kind", fmt::format("no evidence is called '{}'", kind));
  }
  evidence.root = object.text("root");
  evidence.note = object.text("note");
  object.array("frames", Need::Optional, [&](const json& value, const std::string& path) {
    evidence.frames.push_back(read_frame(Object(object.decoder(), value, path)));
  });
  object.done();
  return evidence;
}

Case read_case(Object object) {
  Case one;
  const std::string text = object.text("when", Need::Required);
  if (!object.decoder().failed()) {
    auto when = parse_condition(text).and_then(normalise);
    if (when) {
      one.when = std::move(*when);
    } else {
      object.fail("when", when.error().message, when.error().hint);
    }
  }
  one.action = read_action(object, "action");
  object.done();
  return one;
}

PathRule read_path(Object object) {
  PathRule rule;
  rule.path = object.text("path", Need::Required);
  if (!rule.path.starts_with('/')) object.fail("path", "must start with a slash");
  rule.access = 0;
  object.array("access", Need::Required, [&](const json& value, const std::string& path) {
    for (const auto& access : kAccess) {
      if (value.is_string() && value.get_ref<const std::string&>() == access.name) {
        rule.access |= access.bit;
        return;
      }
    }
    object.decoder().fail(path, "must be one of \"read\", \"write\", \"execute\"");
  });
  object.done();
  return rule;
}

Rule read_rule(Object object) {
  Rule rule;
  rule.action = read_action(object, "action");
  object.array("cases", Need::Optional, [&](const json& value, const std::string& path) {
    rule.cases.push_back(read_case(Object(object.decoder(), value, path)));
  });
  rule.sites = static_cast<uint32_t>(object.number("sites", kMax32));
  rule.arches = object.texts("arches");
  rule.packages = object.texts("packages");
  rule.brought_by = object.texts("brought_by");
  object.array("because", Need::Required, [&](const json& value, const std::string& path) {
    rule.because.push_back(read_evidence(Object(object.decoder(), value, path)));
  });
  object.done();
  return rule;
}

Gap read_gap(Object object) {
  Gap gap;
  const std::string kind = object.text("kind", Need::Required);
  if (auto known = gap_kind_from(kind)) {
    gap.kind = *known;
  } else {
    object.fail("kind", fmt::format("no gap is called '{}'", kind));
  }
  gap.function = object.text("function");
  gap.object = object.text("object");
  gap.file = object.text("file");
  gap.line = static_cast<uint32_t>(object.number("line", kMax32));
  gap.address = object.address("address");
  gap.what = object.text("what");
  gap.hint = object.text("hint");
  object.done();
  return gap;
}

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext&,
                     std::vector<std::string>*) {
  auto document = parse_json(text, where);
  if (!document) return tl::unexpected(document.error());

  Decoder decoder(where);
  Object top(decoder, *document, "");
  if (top.text("kind", Need::Required) != kKind) {
    decoder.fail("/kind", fmt::format("must be \"{}\"", kKind), "is it a profile in another format?");
  }
  const uint64_t schema = top.number("schema", kMax32, Need::Required);
  if (schema != kSchema) {
    decoder.fail("/schema", fmt::format("is {}, and this version reads {}", schema, kSchema),
                 "use a newer stile", Code::Unsupported);
  }
  Profile profile;
  profile.arch = top.text("arch", Need::Required);
  profile.also_arches = top.texts("also_arches");
  profile.otherwise = read_action(top, "default_action");
  if (top.has("bad_arch_action")) profile.bad_arch = read_action(top, "bad_arch_action");
  profile.written_for = top.text("written_for");
  if (const json* origin = top.member("origin"))
    profile.origin = read_origin(Object(decoder, *origin, "/origin"));
  top.members("syscalls", Need::Required,
              [&](const std::string& name, const json& value, const std::string& path) {
                profile.rules.emplace(name, read_rule(Object(decoder, value, path)));
              });
  top.array("paths", Need::Optional, [&](const json& value, const std::string& path) {
    profile.paths.push_back(read_path(Object(decoder, value, path)));
  });
  top.array("gaps", Need::Required, [&](const json& value, const std::string& path) {
    profile.gaps.push_back(read_gap(Object(decoder, value, path)));
  });
  top.done();
  if (decoder.failed()) return tl::unexpected(decoder.error());
  return profile;
}

}  // namespace
}  // namespace format

extern const Format kStileFormat = {"stile", "everything stile knows, as JSON: evidence, gaps, origin", false,
                                    format::write, format::read};

}  // namespace stile
