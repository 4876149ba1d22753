// SPDX-License-Identifier: Apache-2.0
//
// How the library says "I cannot go on". There are two channels and no third: a Result that holds an Error means the work
// stopped; a Gap (see profile.h) means the work went on, knowing less. The library never prints, aborts or exits.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace stile {

enum class Code {
  Usage,        // the caller asked for something that makes no sense
  Io,           // the operating system refused to read or write
  NotElf,       // not an ELF file at all (script, Mach-O, PE, text, empty)
  Malformed,    // an ELF, profile or other file whose own statements contradict each other
  Unsupported,  // well formed, and outside what stile can analyse (another machine, packed, relocatable object)
  Limit,        // bounded work ran into its bound
};

struct Error {
  Code code = Code::Malformed;
  std::string message;  // what is wrong, one line, no trailing full stop
  std::string where;    // file, and position in it where there is one; may be empty
  std::string hint;     // what to do about it; may be empty
};

template <typename T>
using Result = tl::expected<T, Error>;

// "where: message (hint)", the one line a command prints for an error.
std::string to_line(const Error& error);

inline tl::unexpected<Error> fail(Code code, std::string message, std::string where = {}, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(where), std::move(hint)});
}

}  // namespace stile
