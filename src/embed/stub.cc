// SPDX-License-Identifier: Apache-2.0
#include "embed/stub.h"

#include <algorithm>
#include <cstring>

namespace stile::embed {
namespace {

constexpr uint8_t kCode[] = {
#include "embed/stub_bytes.inc"
};
// stub_jump + 1 in stub_x86_64.S.
constexpr size_t kJump = 0x9f;
static_assert(kCode[kJump - 1] == 0xe9);
static_assert(sizeof kCode % 8 == 0, "the parameters hold 64-bit words");

constexpr uint32_t kLongestText = 1024;
constexpr size_t kFilterOffset = sizeof kCode + sizeof(StubParameters);
static_assert(kFilterOffset % 8 == 0);

// A name in the program's own message: short, and nothing that moves a cursor.
std::string harmless(const std::string& name) {
  std::string text;
  for (const char c : name.substr(name.rfind('/') + 1).substr(0, 64)) text += c >= ' ' && c <= '~' ? c : '?';
  return text.empty() ? "program" : text;
}

void append(std::vector<uint8_t>& bytes, const void* data, size_t size) {
  const auto* start = static_cast<const uint8_t*>(data);
  bytes.insert(bytes.end(), start, start + size);
}

}  // namespace

std::span<const uint8_t> stub_code() {
  return kCode;
}
size_t stub_jump_offset() {
  return kJump;
}

Stub make_stub(const Program& installed, SelfKey key, OnFailure on_failure, const std::string& name,
               uint64_t address, uint64_t entry) {
  static_assert(sizeof(Instruction) == 8);
  Stub stub;
  stub.filter_offset = kFilterOffset;
  append(stub.bytes, kCode, sizeof kCode);
  const auto distance = static_cast<int32_t>(entry - (address + kJump + 4));
  std::memcpy(stub.bytes.data() + kJump, &distance, sizeof distance);

  StubParameters parameters{};
  parameters.key = key.key;
  parameters.answer = -static_cast<int32_t>(key.answer);
  parameters.count = static_cast<uint32_t>(installed.size());
  parameters.filter = sizeof(StubParameters);
  parameters.run_anyway = on_failure == OnFailure::Run ? 1 : 0;
  const std::string start = "stile: " + harmless(name) + ": ";
  const std::string texts[] = {
      start + "its system call filter cannot be installed: prctl(PR_SET_NO_NEW_PRIVS) fails with error ",
      start +
          "its system call filter cannot be installed: seccomp(SECCOMP_SET_MODE_FILTER) fails with error ",
      start + "its system call filter was accepted but is not in force: the check gives ",
  };
  const std::string tail = on_failure == OnFailure::Run ? "; it runs WITHOUT its filter\n"
                                                        : "; it does not run without its filter\n";
  auto where = static_cast<uint32_t>(sizeof(StubParameters) + installed.size() * sizeof(Instruction));
  const auto place = [&](const std::string& text) {
    const StubParameters::Text placed{where, static_cast<uint32_t>(text.size())};
    where += placed.length;
    return placed;
  };
  for (size_t i = 0; i < 3; ++i) parameters.texts[i] = place(texts[i]);
  parameters.tail = place(tail);

  append(stub.bytes, &parameters, sizeof parameters);
  append(stub.bytes, installed.data(), installed.size() * sizeof(Instruction));
  for (const std::string& text : texts) append(stub.bytes, text.data(), text.size());
  append(stub.bytes, tail.data(), tail.size());
  return stub;
}

std::optional<StubFacts> read_stub(Bytes block, uint64_t address) {
  if (!block.holds(0, kFilterOffset)) return std::nullopt;
  const auto same = [&](size_t from, size_t to) {
    return std::memcmp(block.data() + from, kCode + from, to - from) == 0;
  };
  if (!same(0, kJump) || !same(kJump + 4, sizeof kCode)) return std::nullopt;
  StubParameters parameters;
  std::memcpy(&parameters, block.data() + sizeof kCode, sizeof parameters);
  const Bytes data = block.from(sizeof kCode);
  const Bytes filter = data.part(sizeof parameters, uint64_t{parameters.count} * sizeof(Instruction));
  if (parameters.filter != sizeof parameters || parameters.count == 0 ||
      parameters.count > kMaxInstructions || filter.empty()) {
    return std::nullopt;
  }
  const auto inside = [&](StubParameters::Text text) {
    return text.length < kLongestText && data.holds(text.where, text.length);
  };
  if (!inside(parameters.tail) || !std::all_of(parameters.texts, parameters.texts + 3, inside))
    return std::nullopt;
  if (parameters.run_anyway > 1 || parameters.answer >= 0 || parameters.answer < -4095) return std::nullopt;

  StubFacts facts;
  facts.entry = address + kJump + 4 + static_cast<uint64_t>(int64_t{load<int32_t>(block.data() + kJump)});
  facts.installed.resize(parameters.count);
  std::memcpy(facts.installed.data(), filter.data(), filter.size());
  facts.key = {parameters.key, static_cast<uint16_t>(-parameters.answer)};
  facts.on_failure = parameters.run_anyway != 0 ? OnFailure::Run : OnFailure::Refuse;
  return facts;
}

}  // namespace stile::embed
