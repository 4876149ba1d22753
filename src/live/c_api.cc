// SPDX-License-Identifier: Apache-2.0
//
// The C interface: words in, words out, nothing thrown across.
#include <stile/stile.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <stile/filter.h>
#include <stile/live.h>

struct stile_policy {
  explicit stile_policy(stile::Action otherwise) : policy(otherwise) {}
  stile::Policy policy;
};

namespace {

static_assert(sizeof(stile_instruction) == sizeof(stile::Instruction));
static_assert(STILE_PATH_READ == stile::kPathRead && STILE_PATH_WRITE == stile::kPathWrite &&
              STILE_PATH_EXECUTE == stile::kPathExecute);

int failed(const stile::Error& problem, char** error) {
  if (error != nullptr) {
    std::free(*error);
    *error = ::strdup(stile::to_line(problem).c_str());
  }
  return -1;
}

int misused(const char* what, char** error) {
  return failed({stile::Code::Usage, what, "", ""}, error);
}

std::optional<stile::Action> action_from(const char* text, char** error) {
  if (text == nullptr) {
    misused("the action is a null pointer", error);
    return std::nullopt;
  }
  const auto action = stile::parse_action(text);
  if (!action) {
    failed(action.error(), error);
    return std::nullopt;
  }
  return *action;
}

int load_program(std::span<const stile::Instruction> program, unsigned flags, int* listener, char** error) {
  constexpr unsigned kKnown =
      STILE_ALL_THREADS | STILE_LOG | STILE_SPEC_ALLOW | STILE_LISTENER | STILE_WAIT_KILLABLE;
  if ((flags & ~kKnown) != 0) return misused("an unknown flag is set", error);
  if ((flags & STILE_LISTENER) != 0 && listener == nullptr)
    return misused("STILE_LISTENER needs a place for the descriptor", error);
  stile::LoadOptions options;
  options.all_threads = (flags & STILE_ALL_THREADS) != 0;
  options.log = (flags & STILE_LOG) != 0;
  options.spec_allow = (flags & STILE_SPEC_ALLOW) != 0;
  options.listener = (flags & STILE_LISTENER) != 0;
  options.wait_killable = (flags & STILE_WAIT_KILLABLE) != 0;
  const auto loaded = stile::load(program, options);
  if (!loaded) return failed(loaded.error(), error);
  if (listener != nullptr) *listener = *loaded;
  return 0;
}

}  // namespace

extern "C" {

stile_policy* stile_policy_new(const char* default_action, char** error) {
  const auto action = action_from(default_action, error);
  return action ? new stile_policy(*action) : nullptr;
}

void stile_policy_free(stile_policy* policy) {
  delete policy;
}

int stile_policy_rule(stile_policy* policy, const char* call, const char* action, const char* condition,
                      char** error) {
  if (policy == nullptr || call == nullptr) return misused("the policy or the call is a null pointer", error);
  const auto what = action_from(action, error);
  if (!what) return -1;
  stile::Condition when = stile::Condition::always();
  if (condition != nullptr) {
    auto parsed = stile::parse_condition(condition);
    if (!parsed) return failed(parsed.error(), error);
    when = std::move(*parsed);
  }
  policy->policy.on(call, *what, std::move(when));
  return 0;
}

int stile_policy_architectures(stile_policy* policy, const char* const* names, size_t count, char** error) {
  if (policy == nullptr || names == nullptr || count == 0)
    return misused("there are no architectures to set", error);
  std::vector<std::string> list;
  for (size_t i = 0; i < count; ++i) {
    if (names[i] == nullptr) return misused("the name of an architecture is a null pointer", error);
    list.emplace_back(names[i]);
  }
  policy->policy.architectures(std::move(list));
  return 0;
}

int stile_policy_other_architectures(stile_policy* policy, const char* action, char** error) {
  if (policy == nullptr) return misused("the policy is a null pointer", error);
  const auto what = action_from(action, error);
  if (!what) return -1;
  policy->policy.other_architectures(*what);
  return 0;
}

int stile_policy_written_for(stile_policy* policy, const char* release, char** error) {
  if (policy == nullptr || release == nullptr)
    return misused("the policy or the release is a null pointer", error);
  policy->policy.written_for(release);
  return 0;
}

int stile_policy_path(stile_policy* policy, const char* path, unsigned access, char** error) {
  if (policy == nullptr || path == nullptr) return misused("the policy or the path is a null pointer", error);
  policy->policy.path(path, access);
  return 0;
}

int stile_policy_compile(const stile_policy* policy, stile_instruction** program, size_t* length,
                         char** error) {
  if (policy == nullptr || program == nullptr || length == nullptr)
    return misused("an argument is a null pointer", error);
  const auto profile = policy->policy.build();
  if (!profile) return failed(profile.error(), error);
  const auto compiled = stile::compile(*profile);
  if (!compiled) return failed(compiled.error(), error);
  const size_t size = compiled->size() * sizeof(stile_instruction);
  auto* copy = static_cast<stile_instruction*>(std::malloc(size));
  if (copy == nullptr) return misused("there is no memory for the program", error);
  std::memcpy(copy, compiled->data(), size);
  *program = copy;
  *length = compiled->size();
  return 0;
}

int stile_policy_load(const stile_policy* policy, unsigned flags, int* listener, char** error) {
  if (policy == nullptr) return misused("the policy is a null pointer", error);
  const auto profile = policy->policy.build();
  if (!profile) return failed(profile.error(), error);
  const auto program = stile::compile(*profile);
  if (!program) return failed(program.error(), error);
  if (const auto confined = stile::restrict_paths(profile->paths); !confined)
    return failed(confined.error(), error);
  return load_program(*program, flags, listener, error);
}

int stile_load(const stile_instruction* program, size_t length, unsigned flags, int* listener, char** error) {
  if (program == nullptr || length == 0) return misused("there is no program", error);
  if (length > stile::kMaxInstructions) return misused("the program has more than 4096 instructions", error);
  std::vector<stile::Instruction> copy;
  for (size_t i = 0; i < length; ++i)
    copy.push_back({program[i].code, program[i].jt, program[i].jf, program[i].k});
  return load_program(copy, flags, listener, error);
}

int stile_enter_strict_mode(char** error) {
  const auto entered = stile::enter_strict_mode();
  return entered ? 0 : failed(entered.error(), error);
}

void stile_strict_exit(int status) {
  stile::strict_exit(status);
}

}  // extern "C"
