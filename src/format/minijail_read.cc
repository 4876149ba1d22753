// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "format/minijail.h"
#include "format/recognise.h"
#include "format/refusals.h"
#include "format/text_lines.h"

namespace stile::format::minijail {
namespace {

constexpr size_t kMaxIncludes = 64;    // files in all
constexpr size_t kMaxDepth = 10;       // of files in files, as the compiler has it
constexpr size_t kMaxParentheses = 16;

struct Token {
  enum class Kind { Word, Number, Argument, Symbol, End };
  Kind kind = Kind::End;
  std::string_view text;
  size_t column = 0;  // 1-based
};

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// strtol's numbers: 0x, 0 for octal, "-" wraps.
std::optional<uint64_t> number_from(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return negative ? ~value + 1 : value;
}

// What is said of a call, in order; the line is that of its answer to all arguments.
struct Said {
  filter::Decision cases;
  std::string settled_at;
};

struct Policy {
  arch::ArchId table;
  Action otherwise = kKillThread;
  std::map<filter::Call, Said> calls;
  const ReadContext& context;
  std::vector<std::string>* warnings;
  const std::string& main;  // the file that includes the others
  size_t includes = 0;

  // Readers of warnings know the main file.
  void warn(const std::string& where, const std::string& place, const std::string& message) {
    if (warnings != nullptr) warnings->push_back(fmt::format("{}{}: {}", where == main ? "" : where + ":", place, message));
  }
};

// One line with a statement. The first mistake is kept; after it everything reads as nothing.
class Statement {
 public:
  Statement(const std::string& where, const TextLine& line, Policy& policy) : where_(where), line_(line), policy_(policy) { advance(); }

  Result<void> read() {
    std::vector<filter::Call> calls = descriptors();
    expect(":");
    filter::Decision cases = filters();
    if (token_.kind != Token::Kind::End) say("more than a statement stands on this line");
    if (failed_) return tl::unexpected(error_);
    for (const filter::Call& call : calls) {
      Said& said = policy_.calls[call];
      if (!said.settled_at.empty())
        return wrong(where_, line_.number, 1, fmt::format("'{}' is settled already, at {}", filter::call_name(call), said.settled_at), "leave one of them out");
      said.cases.insert(said.cases.end(), cases.begin(), cases.end());
      if (!cases.empty() && cases.back().when == Condition::always()) said.settled_at = fmt::format("line {}", line_.number);
      constexpr size_t kMaxCases = 4096;
      if (said.cases.size() > kMaxCases) return wrong(where_, line_.number, 1, fmt::format("more than {} filters for one call", kMaxCases), {}, Code::Limit);
    }
    return {};
  }

  // What follows @default.
  Result<Action> default_action() {
    advance();  // @default
    const Action said = action();
    if (token_.kind != Token::Kind::End) say("more than an action stands here");
    if (failed_) return tl::unexpected(error_);
    return said;
  }

 private:
  void say(const std::string& message, const std::string& hint = {}, Code code = Code::Malformed) {
    if (failed_) return;
    failed_ = true;
    error_ = wrong(where_, line_.number, token_.column, message, hint, code).value();
    token_ = {};
    at_ = line_.text.size();
  }

  void advance() {
    const std::string_view text = line_.text;
    while (at_ < text.size() && (text[at_] == ' ' || text[at_] == '\t')) ++at_;
    token_ = {Token::Kind::End, {}, at_ + 1};
    if (failed_ || at_ >= text.size() || text[at_] == '#') return;
    const size_t start = at_;
    const char c = text[at_];
    if (is_word(c) || c == '@') {
      while (at_ < text.size() && (is_word(text[at_]) || is_digit(text[at_]) || text[at_] == '-' || text[at_] == '@')) ++at_;
      token_ = {Token::Kind::Word, text.substr(start, at_ - start), start + 1};
      const std::string_view digits = token_.text.starts_with("arg") ? token_.text.substr(3) : std::string_view();
      if (!digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit)) token_.kind = Token::Kind::Argument;
      return;
    }
    if (is_digit(c) || (c == '-' && at_ + 1 < text.size() && is_digit(text[at_ + 1]))) {
      ++at_;
      while (at_ < text.size() && (is_digit(text[at_]) || is_word(text[at_]))) ++at_;
      token_ = {Token::Kind::Number, text.substr(start, at_ - start), start + 1};
      return;
    }
    for (const std::string_view symbol : {"||", "&&", "==", "!=", "<=", ">="}) {
      if (text.substr(at_).starts_with(symbol)) {
        at_ += 2;
        token_ = {Token::Kind::Symbol, text.substr(start, 2), start + 1};
        return;
      }
    }
    if (std::string_view("{}[](),;:=|&<>~").find(c) == std::string_view::npos) {
      token_.column = start + 1;
      return say(fmt::format("'{}' stands for nothing here", shown(text.substr(start, 1))));
    }
    ++at_;
    token_ = {Token::Kind::Symbol, text.substr(start, 1), start + 1};
  }

  bool is(std::string_view text) const { return token_.kind != Token::Kind::End && token_.text == text; }
  bool take(std::string_view text) {
    if (!is(text)) return false;
    advance();
    return true;
  }
  void expect(std::string_view text) {
    if (!take(text)) say(fmt::format("'{}' is missing here", text));
  }

  // Whether a descriptor's [arch=...] is for the machine.
  bool metadata() {
    bool here = true;
    do {
      const bool arches = is("arch");
      if (token_.kind != Token::Kind::Word) say("a key such as arch is missing here");
      advance();
      expect("=");
      bool named = false;
      do {
        named = named || arch::arch_by_name(token_.text) == policy_.table;
        if (token_.kind != Token::Kind::Word) say("the name of an architecture is missing here");
        advance();
      } while (take(","));
      if (arches) here = here && named;
    } while (take(";"));
    expect("]");
    return here;
  }

  void descriptor(std::vector<filter::Call>& calls) {
    const Token name = token_;
    std::optional<uint32_t> number;
    if (name.kind == Token::Kind::Number) {
      number = filter::number_from_key(name.text);
      if (!number) return say(fmt::format("'{}' is no number of a system call", shown(name.text)));
    } else if (name.kind != Token::Kind::Word) {
      return say("the name of a system call is missing here");
    } else if (name.text.find('@') != std::string_view::npos) {
      return say(fmt::format("'{}': groups of a constants file are not read", shown(name.text)), "name the calls");
    }
    advance();
    const bool here = take("[") ? metadata() : true;
    if (failed_ || !here) return;
    if (!number) number = arch::syscall_number(policy_.table, name.text);
    if (!number) {
      token_ = name;
      const std::string_view near = arch::nearest_name(name.text, arch::all_names());
      return say(fmt::format("{} has no system call called '{}'", arch::arch_info(policy_.table).name, shown(name.text)),
                 near.empty() || near == name.text ? "" : fmt::format("did you mean {}?", near));
    }
    const filter::Call call = filter::call_of(policy_.table, *number);
    if (call.first == policy_.table) calls.push_back(call);
  }

  std::vector<filter::Call> descriptors() {
    std::vector<filter::Call> calls;
    if (!take("{")) {
      descriptor(calls);
      return calls;
    }
    do {
      descriptor(calls);
    } while (take(","));
    expect("}");
    return calls;
  }

  Action action() {
    const Token word = token_;
    constexpr std::pair<std::string_view, Action> kWords[] = {
        {"allow", kAllow},          {"1", kAllow},
        {"kill", kKillThread},      {"kill-thread", kKillThread},
        {"trap", {ActionKind::Trap, 0}},   {"kill-process", kKillProcess},
        {"trace", {ActionKind::Trace, 0}}, {"log", kLog},
        {"user-notify", {ActionKind::Notify, 0}},
    };
    if (take("return")) {
      const Token number = token_;
      const uint64_t value = single();
      if (!failed_ && value > 0xffff) {
        token_ = number;
        say("an error number is at most 65535");
      }
      return {ActionKind::Errno, static_cast<uint16_t>(value)};
    }
    for (const auto& [name, action] : kWords) {
      if (take(name)) return action;
    }
    say(fmt::format("'{}' is no action", shown(word.text)), "1, allow, return NUMBER, kill-process, kill-thread, trap, trace, log or user-notify");
    return {};
  }

  uint64_t single() {
    const Token token = token_;
    std::optional<uint64_t> value;
    if (token.kind == Token::Kind::Number) {
      value = number_from(token.text);
    } else if (token.kind == Token::Kind::Word) {
      if (const auto known = symbolic_constant(token.text)) value = *known;
      // Errors are constants too.
      if (!value && token.text.starts_with('E')) {
        if (const auto error = parse_action(fmt::format("errno:{}", token.text))) value = error->data;
      }
    }
    if (!value) {
      say(fmt::format("'{}' is no constant", shown(token.text)));
      return 0;
    }
    advance();
    return *value;
  }

  uint64_t value(size_t depth) {
    if (depth > kMaxParentheses) {
      say(fmt::format("parentheses more than {} deep", kMaxParentheses), {}, Code::Limit);
      return 0;
    }
    uint64_t all = 0;
    do {
      const bool negated = take("~");
      uint64_t one = 0;
      if (take("(")) {
        one = value(depth + 1);
        expect(")");
      } else {
        one = single();
      }
      all |= negated ? ~one : one;
    } while (take("|"));
    return all;
  }

  Condition atom() {
    const Token argument = token_;
    if (argument.kind != Token::Kind::Argument) {
      say("an argument such as arg0 is missing here");
      return Condition::never();
    }
    const auto index = number_from(argument.text.substr(3));
    if (!index || *index > 5) {
      say("arguments are arg0 to arg5");
      return Condition::never();
    }
    advance();
    const Token op = token_;
    constexpr std::string_view kOps[] = {"==", "!=", "<", "<=", ">", ">=", "&", "in"};
    if (std::find(std::begin(kOps), std::end(kOps), op.text) == std::end(kOps)) {
      say(fmt::format("'{}' is no comparison", shown(op.text)), "==, !=, <, <=, >, >=, & or in");
      return Condition::never();
    }
    advance();
    const auto number = static_cast<int64_t>(value(0));
    const Operand left = arg(static_cast<uint8_t>(*index));
    if (op.text == "==") return left == number;
    if (op.text == "!=") return left != number;
    if (op.text == "<") return left < number;
    if (op.text == "<=") return left <= number;
    if (op.text == ">") return left > number;
    if (op.text == ">=") return left >= number;
    const auto bits = static_cast<uint64_t>(number);
    if (op.text == "&") return bits == 0 ? Condition::never() : left.masked(bits) != 0;
    return bits == ~uint64_t{0} ? Condition::always() : left.masked(~bits) == 0;
  }

  Condition expression() {
    Condition any = Condition::never();
    do {
      Condition all = Condition::always();
      do {
        all = all && atom();
      } while (take("&&"));
      any = any || all;
    } while (take("||"));
    auto normal = normalise(any);
    if (!normal) {
      say(normal.error().message, normal.error().hint, normal.error().code);
      return Condition::never();
    }
    return std::move(*normal);
  }

  filter::Decision filters() {
    filter::Decision cases;
    const bool braces = take("{");
    do {
      if (token_.kind != Token::Kind::Argument) {
        cases.push_back({Condition::always(), action()});
        continue;
      }
      Condition when = expression();
      if (!take(";")) {
        cases.push_back({std::move(when), kAllow});
        continue;
      }
      const bool returns = is("return");
      const Token at = token_;
      const Action said = action();
      if (braces || !returns) {
        cases.push_back({std::move(when), said});
        continue;
      }
      if (!failed_) {
        policy_.warn(where_, fmt::format("{}:{}", line_.number, at.column),
                     "read as the manual says: allowed where the condition holds, else this; compile_seccomp_policy.py takes it the other way round");
      }
      cases.push_back({std::move(when), kAllow});
      cases.push_back({Condition::always(), said});
    } while (braces && take(","));
    if (braces) expect("}");
    return cases;
  }

  const std::string& where_;
  const TextLine& line_;
  Policy& policy_;
  size_t at_ = 0;
  Token token_;
  bool failed_ = false;
  Error error_;
};

Result<void> read_file(std::string_view text, const std::string& where, Policy& policy, size_t depth);

Result<void> include(std::string_view path, const std::string& where, const TextLine& line, Policy& policy, size_t depth) {
  const size_t column = static_cast<size_t>(path.data() - line.text.data()) + 1;
  if (path.empty()) return wrong(where, line.number, 0, "@include names no file");
  if (!path.starts_with('/') && !path.starts_with("./"))
    return wrong(where, line.number, column, "an included file is named by a path that starts with / or ./", fmt::format("say ./{}", shown(path)));
  if (depth + 1 >= kMaxDepth || ++policy.includes > kMaxIncludes)
    return wrong(where, line.number, column, "too many files include each other", {}, Code::Limit);
  if (!policy.context.include) return wrong(where, line.number, column, "includes are not read here", "put the files together");
  // Relative to the file that names it.
  const size_t slash = where.rfind('/');
  const std::string directory = slash == std::string::npos ? std::string() : where.substr(0, slash + 1);
  const std::string file = path.starts_with('/') ? std::string(path) : directory + std::string(path.substr(2));
  auto text = policy.context.include(file);
  if (!text) {
    Error error = text.error();
    error.where = fmt::format("{}:{}:{}", where, line.number, column);
    error.message = fmt::format("'{}' {}", shown(path), error.message);
    return tl::unexpected(error);
  }
  return read_file(*text, file, policy, depth + 1);
}

Result<void> read_file(std::string_view text, const std::string& where, Policy& policy, size_t depth) {
  auto lines = lines_of(text, where);
  if (!lines) return tl::unexpected(lines.error());
  for (const TextLine& line : *lines) {
    const std::string_view content = stripped(line.text);
    if (content.empty() || content[0] == '#') continue;
    const size_t end = std::min(content.find_first_of(" \t"), content.size());
    const std::string_view word = content.substr(0, end);
    const std::string_view rest = stripped(content.substr(end));
    if (word == "@include") {
      if (auto done = include(rest, where, line, policy, depth); !done) return done;
    } else if (word == "@frequency") {
      policy.warn(where, std::to_string(line.number), "@frequency says how calls are ordered, not what they get: not kept");
    } else if (word == "@denylist") {
      policy.otherwise = kAllow;
    } else if (word == "@default") {
      auto action = Statement(where, line, policy).default_action();
      if (!action) return tl::unexpected(action.error());
      if (lets_through(*action) || action->kind == ActionKind::Errno || action->kind == ActionKind::Trace)
        return wrong(where, line.number, 1, "@default must kill, trap or notify", "kill-process, kill-thread, kill, trap or user-notify");
      policy.otherwise = *action;
    } else if (word.starts_with('@')) {
      return wrong(where, line.number, static_cast<size_t>(content.data() - line.text.data()) + 1, fmt::format("'{}' is no statement", shown(word)),
                   "@include, @default, @denylist or @frequency");
    } else {
      if (auto done = Statement(where, line, policy).read(); !done) return done;
    }
  }
  return {};
}

}  // namespace

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings) {
  const auto table = arch::arch_by_name(context.arch);
  if (!table) return fail(Code::Usage, fmt::format("no architecture is called '{}'", context.arch));
  Policy policy{*table, kKillThread, {}, context, warnings, where};
  if (auto done = read_file(text, where, policy, 0); !done) return tl::unexpected(done.error());
  Plan plan;
  plan.arch = *table;
  plan.tables = {*table};
  plan.otherwise = policy.otherwise;
  plan.bad_arch = kKillThread;
  for (auto& [call, said] : policy.calls) {
    said.cases.push_back({Condition::always(), plan.otherwise});
    set_decision(plan, call, std::move(said.cases));
  }
  Losses none(nullptr);
  take_x32_for_unlisted(plan, plan.otherwise, none);
  return profile_of(plan, where);
}

}  // namespace stile::format::minijail
