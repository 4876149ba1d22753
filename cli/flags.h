// SPDX-License-Identifier: Apache-2.0
//
// What can stand on the command line, declared once. The parser, --help, the man page and the completions all
// read these declarations, so they cannot disagree.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <stile/result.h>

namespace stile::cli {

struct Flag {
  std::string names;                      // "-o,--output", the short one first if there is one
  std::string value;                      // what follows, e.g. "FILE"; empty for a switch
  std::string help;                       // a sentence without full stop
  std::vector<std::string> choices = {};  // what the value can be, for the completions
  bool repeat = false;  // may be given more than once, and hold several values with commas between
  bool file = false;    // the value is a file name: completed, and never split at commas
  bool whole = false;   // commas belong to the value

  std::string long_name() const;   // "--output"
  std::string short_name() const;  // "-o" or ""
};

struct Positional {
  std::string name;  // "BINARY"
  std::string help;
  bool required = true;
  bool file = false;
  bool repeat = false;   // takes all that follow; the last positional alone
  bool command = false;  // a command with its arguments: all words from the first that is no option, or from "--" on
  std::string unless = {};  // a required one may be missing where this flag is given
};

struct Example {
  std::string command;
  std::string what;
};

class Arguments;

struct Command {
  std::string name;
  std::string summary;             // one line, for the list of commands
  std::vector<std::string> about;  // paragraphs
  std::vector<Positional> positionals;
  std::vector<Flag> flags;  // without those every command has, see common_flags()
  std::vector<Example> examples;
  std::vector<std::pair<int, std::string>> exits;
  int (*run)(const Arguments& arguments) = nullptr;  // returns the exit status
  int misuse = 2;  // exit status when the command line is wrong; 125 where the status is another command's, as with env(1)
};

// --color and --help.
const std::vector<Flag>& common_flags();
std::vector<Flag> all_flags(const Command& command);

// What was given. Names are long ones ("--output") or names of positionals ("BINARY").
class Arguments {
 public:
  bool has(const std::string& name) const { return values_.contains(name); }
  std::string value(const std::string& name, const std::string& otherwise = {}) const;  // the last one given
  std::vector<std::string> values(const std::string& name) const;                       // in the order given

 private:
  friend Result<Arguments> parse(const Command& command, std::vector<std::string> words);
  std::map<std::string, std::vector<std::string>> values_;
};

// `words` are those after the command's name. Error: Usage, with the nearest flag as a hint where one is
// near.
Result<Arguments> parse(const Command& command, std::vector<std::string> words);

// "stile profile [OPTION]... BINARY".
std::string usage_line(const Command& command);

}  // namespace stile::cli
