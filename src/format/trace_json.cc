// SPDX-License-Identifier: Apache-2.0
//
// Traces as JSON: all of a Trace, so that read_trace(write_trace(t)) == t, but for bytes that are not UTF-8.
// Members that are empty or zero are left out. Times are nanoseconds.
#include <algorithm>

#include <fmt/format.h>

#include <stile/trace.h>

#include "format/json_text.h"

namespace stile {
namespace {

using format::Decoder;
using format::json;
using format::Need;
using format::Object;
using format::ordered_json;

constexpr uint64_t kSchema = 1;
constexpr const char* kKind = "stile-trace";
constexpr uint64_t kMax32 = 0xffffffff;
constexpr uint64_t kMaxPid = 1 << 22;  // PID_MAX_LIMIT, include/linux/threads.h
// JSON readers that hold numbers in a double are exact up to here; as nanoseconds it is a hundred days.
constexpr uint64_t kMaxCount = uint64_t{1} << 53;

void put(ordered_json& object, const char* key, uint64_t value) {
  if (value != 0) object[key] = std::min(value, kMaxCount);
}
void put(ordered_json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

ordered_json write_count(const CallKey& key, const CallCount& count) {
  ordered_json object = ordered_json::object();
  object["name"] = key.name;
  object["arch"] = key.arch;
  object["calls"] = std::min(count.calls, kMaxCount);
  put(object, "errors", count.errors);
  put(object, "returned", count.returned);
  put(object, "nanoseconds", count.nanoseconds);
  put(object, "shortest", count.shortest);
  put(object, "longest", count.longest);
  put(object, "estimated", count.estimated);
  object["runs"] = count.runs;
  put(object, "first_seen", count.first_seen);
  if (!count.argument) return object;
  ordered_json argument = ordered_json::object();
  argument["index"] = count.argument->arg;
  argument["values"] = count.argument->values;
  if (count.argument->incomplete) argument["incomplete"] = true;
  object["argument"] = std::move(argument);
  return object;
}

bool flag(Object& object, const char* key) {
  const json* value = object.member(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) object.fail(key, "must be true or false");
  return value->is_boolean() && value->get<bool>();
}

ArgumentValues read_argument(Object object) {
  ArgumentValues argument;
  argument.arg = static_cast<uint8_t>(object.number("index", 5, Need::Required));
  object.array("values", Need::Required, [&](const json& value, const std::string& path) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > kMax32) {
      object.decoder().fail(path, "must be a number of 32 bits");
    } else {
      argument.values.insert(value.get<uint32_t>());
    }
  });
  if (argument.values.size() > kMaxArgumentValues) {
    object.fail("values", fmt::format("has more than {} values", kMaxArgumentValues));
  }
  argument.incomplete = flag(object, "incomplete");
  object.done();
  return argument;
}

std::pair<CallKey, CallCount> read_count(Object object) {
  CallKey key;
  CallCount count;
  key.name = object.text("name", Need::Required);
  key.arch = object.text("arch", Need::Required);
  count.calls = object.number("calls", kMaxCount, Need::Required);
  count.errors = object.number("errors", kMaxCount);
  count.returned = object.number("returned", kMaxCount);
  count.nanoseconds = object.number("nanoseconds", kMaxCount);
  count.shortest = object.number("shortest", kMaxCount);
  count.longest = object.number("longest", kMaxCount);
  count.estimated = object.number("estimated", kMaxCount);
  count.runs = object.number("runs", kMax32, Need::Required);
  count.first_seen = object.text("first_seen");
  if (const json* value = object.member("argument")) {
    count.argument = read_argument(Object(object.decoder(), *value, object.path_of("argument")));
  }
  object.done();
  return {std::move(key), std::move(count)};
}

TraceGroup read_group(Object object) {
  TraceGroup group;
  group.program = object.text("program");
  group.main = flag(object, "main");
  group.pid = static_cast<int>(object.number("pid", kMaxPid));
  group.tid = static_cast<int>(object.number("tid", kMaxPid));
  group.comm = object.text("comm");
  object.array("calls", Need::Required, [&](const json& value, const std::string& path) {
    auto [key, count] = read_count(Object(object.decoder(), value, path));
    if (!group.calls.emplace(key, std::move(count)).second) {
      object.decoder().fail(path, fmt::format("{} ({}) is there twice", key.name, key.arch));
    }
  });
  object.done();
  return group;
}

}  // namespace

std::string write_trace(const Trace& trace) {
  ordered_json document = ordered_json::object();
  document["kind"] = kKind;
  document["schema"] = kSchema;
  if (!trace.command.empty()) document["command"] = trace.command;
  document["backend"] = trace.backend;
  document["by"] = to_string(trace.by);
  document["runs"] = trace.runs;
  put(document, "nanoseconds", trace.nanoseconds);
  document["lost"] = trace.lost;
  document["results"] = trace.results;
  document["times"] = trace.times;
  document["complete"] = trace.complete;
  if (trace.hidden) document["hidden"] = true;
  document["groups"] = ordered_json::array();
  for (const TraceGroup& group : trace.groups) {
    ordered_json one = ordered_json::object();
    put(one, "program", group.program);
    one["main"] = group.main;
    put(one, "pid", static_cast<uint64_t>(group.pid));
    put(one, "tid", static_cast<uint64_t>(group.tid));
    put(one, "comm", group.comm);
    one["calls"] = ordered_json::array();
    for (const auto& [key, count] : group.calls) one["calls"].push_back(write_count(key, count));
    document["groups"].push_back(std::move(one));
  }
  return format::print_json(document);
}

Result<Trace> read_trace(std::string_view text, const std::string& where) {
  auto document = format::parse_json(text, where);
  if (!document) return tl::unexpected(document.error());
  Decoder decoder(where);
  Object top(decoder, *document, "");
  if (top.text("kind", Need::Required) != kKind) {
    top.fail("kind", fmt::format("must be \"{}\"", kKind),
             "is it a profile? stile trace -O FILE --json writes a trace");
  }
  const uint64_t schema = top.number("schema", kMax32, Need::Required);
  if (!decoder.failed() && schema != kSchema) {
    decoder.fail("/schema", fmt::format("is {}, and this version reads {}", schema, kSchema),
                 "use a newer stile", Code::Unsupported);
  }
  Trace trace;
  trace.command = top.texts("command");
  trace.backend = top.text("backend", Need::Required);
  const std::string by = top.text("by", Need::Required);
  if (const auto known = trace_by_from(by)) {
    trace.by = *known;
  } else {
    top.fail("by", "must be \"program\", \"process\", \"thread\" or \"comm\"");
  }
  trace.runs = top.number("runs", kMax32, Need::Required);
  trace.nanoseconds = top.number("nanoseconds", kMaxCount);
  trace.lost = top.number("lost", kMaxCount);
  trace.results = flag(top, "results");
  trace.times = flag(top, "times");
  trace.complete = flag(top, "complete");
  trace.hidden = flag(top, "hidden");
  top.array("groups", Need::Required, [&](const json& value, const std::string& path) {
    trace.groups.push_back(read_group(Object(decoder, value, path)));
  });
  top.done();
  if (decoder.failed()) return tl::unexpected(decoder.error());
  return trace;
}

bool is_trace(std::string_view text) {
  // As it is written: the kind comes first. What is not so is read as what its reader expects and refused
  // with a reason.
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == text.npos || text[start] != '{') return false;
  const std::string_view head = text.substr(start, 200);
  const size_t kind = head.find("\"kind\"");
  return kind != head.npos && head.substr(kind, 40).find("\"stile-trace\"") != head.npos;
}

}  // namespace stile
