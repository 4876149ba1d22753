// SPDX-License-Identifier: Apache-2.0
#include "analysis/program.h"

#include <algorithm>

#include <fmt/format.h>

namespace stile::analysis {

const Program::Span* Program::span_of(uint64_t address) const {
  auto it = std::upper_bound(spans_.begin(), spans_.end(), address,
                             [](uint64_t value, const Span& span) { return value < span.start; });
  if (it == spans_.begin()) return nullptr;
  --it;
  return address < it->end ? &*it : nullptr;
}

const Object* Program::object_of(uint64_t address) const {
  const Span* span = span_of(address);
  return span == nullptr ? nullptr : &objects[span->object];
}

bool Program::executable(uint64_t address) const {
  const Span* span = span_of(address);
  return span != nullptr && span->executable;
}

bool Program::writable(uint64_t address) const {
  const Span* span = span_of(address);
  return span != nullptr && span->writable;
}

bool Program::mapped(uint64_t address) const { return span_of(address) != nullptr; }

Program::Place Program::place_of(uint64_t address) const {
  const Span* span = span_of(address);
  if (span == nullptr) return {};
  const Object& object = objects[span->object];
  return {true, span->executable, span->writable, object.image.at(address - object.bias)};
}

void Program::release_code() const {
  for (const Object& object : objects) object.image.release(true);
}

void Program::release_data() const {
  for (const Object& object : objects) object.image.release(false);
}

Bytes Program::at(uint64_t address) const {
  const Object* object = object_of(address);
  return object == nullptr ? Bytes() : object->image.at(address - object->bias);
}

Bytes Program::code(const Function& function) const {
  const Object& object = objects[function.object];
  const Bytes bytes = object.image.at(function.start - object.bias);
  return bytes.part(0, std::min<uint64_t>(bytes.size(), function.end - function.start));
}

void Program::index_functions() {
  index_.clear();
  for (const Span& span : spans_) {
    if (!span.executable) continue;
    Index index{span.start, span.end, {}};
    // The span's file part alone holds code; its size is bounded by the file.
    const uint64_t length = std::min<uint64_t>(span.end - span.start, at(span.start).size());
    index.end = span.start + length;
    index.first.resize(length / 64 + 1);
    uint32_t id = static_cast<uint32_t>(
        std::lower_bound(functions.begin(), functions.end(), span.start,
                         [](const Function& f, uint64_t address) { return f.end <= address; }) -
        functions.begin());
    for (size_t bucket = 0; bucket < index.first.size(); ++bucket) {
      while (id < functions.size() && functions[id].end <= span.start + bucket * 64) ++id;
      index.first[bucket] = id;
    }
    index_.push_back(std::move(index));
  }
}

FunctionId Program::function_holding(uint64_t address) const {
  for (const Index& index : index_) {
    if (address < index.start || address >= index.end) continue;
    for (uint32_t id = index.first[(address - index.start) / 64]; id < functions.size(); ++id) {
      if (functions[id].start > address) return kNoFunction;
      if (address < functions[id].end) return id;
    }
  }
  return kNoFunction;
}

FunctionId Program::function_at(uint64_t address) const {
  const FunctionId id = function_holding(address);
  return id != kNoFunction && functions[id].start == address ? id : kNoFunction;
}

bool Program::ends_at(const Function& function, uint64_t address) const {
  const Object& object = objects[function.object];
  return std::binary_search(object.unwind_ends.begin(), object.unwind_ends.end(), address - object.bias);
}

std::string Program::name_of(FunctionId id) const {
  const Function& function = functions[id];
  const Object& object = objects[function.object];
  std::string_view name;
  if (function.is_go) {
    name = object.go->functions.name(function.name);
  } else if (function.name < names.size()) {
    name = names[function.name];
  }
  if (!name.empty()) return std::string(name);
  return fmt::format("sub_{:x}", function.start - object.bias);
}

std::string Program::package_of(FunctionId id) const {
  const Function& function = functions[id];
  const Object& object = objects[function.object];
  if (!function.is_go) return object.is_library ? object.label : "C code in " + object.label;
  return go::package_of(object.go->functions.name(function.name));
}

std::string Program::module_label(FunctionId id) const {
  const Function& function = functions[id];
  if (!function.is_go) return {};
  const Object& object = objects[function.object];
  const std::string package = go::package_of(object.go->functions.name(function.name));
  if (const go::Module* module = go::module_of(object.build, package)) return module->path + "@" + module->version;
  return go::is_standard_library(package) ? "std" : "";
}

go::LineInfo Program::line_of(uint64_t address) const {
  const FunctionId id = function_holding(address);
  if (id == kNoFunction || !functions[id].is_go) return {};
  const Object& object = objects[functions[id].object];
  return object.go->functions.line(functions[id].name, address - object.bias);
}

}  // namespace stile::analysis
