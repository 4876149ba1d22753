# SPDX-License-Identifier: Apache-2.0
for name in configure build scripts; do TAGS[$name]=exec; done
w_version() { "$BIN" --version | sed -n 1p | cut -c 1-5; "$BIN" --help | sed -n 1p; "$BIN" --help-command-list | wc -l; "$BIN" --nonsense > /dev/null 2>&1; echo $?; "$BIN" -E capabilities | cut -c 1-3; }
w_tools() { echo hay > f; "$BIN" -E copy f g; "$BIN" -E compare_files f g; echo $?; "$BIN" -E make_directory d/e; "$BIN" -E touch d/h; "$BIN" -E rename g d/g; "$BIN" -E sha256sum f; "$BIN" -E tar cf a.tar d; "$BIN" -E tar czf a.tgz d; "$BIN" -E tar cJf a.txz d; "$BIN" -E tar tf a.tgz; "$BIN" -E tar xf a.txz; "$BIN" -E create_symlink f l; "$BIN" -E create_hardlink f k; "$BIN" -E rm -rf d; "$BIN" -E cat f; "$BIN" -E echo x; "$BIN" -E sleep 0.1; "$BIN" -E environment | wc -l > /dev/null; "$BIN" -E chdir / pwd; "$BIN" -E copy_if_different f m; "$BIN" -E copy_directory . ../copied; "$BIN" -E nonsense > /dev/null 2>&1; echo $?; "$BIN" -E true; "$BIN" -E false; echo $?; }
TAGS[tools]=exec
w_scripts() { cat > s.cmake <<'END'
message(STATUS x)
execute_process(COMMAND echo y OUTPUT_VARIABLE o)
execute_process(COMMAND sh -c "exit 3" COMMAND cat RESULT_VARIABLE r TIMEOUT 5)
execute_process(COMMAND nosuchprogram RESULT_VARIABLE n ERROR_QUIET)
file(WRITE w "z") file(READ w v) file(GLOB_RECURSE g *) file(LOCK w) file(SIZE w s) file(REAL_PATH . p) file(CHMOD w PERMISSIONS OWNER_READ) file(COPY w DESTINATION d) file(DOWNLOAD "file://${p}/w" dl STATUS st) file(DOWNLOAD "http://127.0.0.1:1/x" dm STATUS st2) file(ARCHIVE_CREATE OUTPUT a.zip PATHS d FORMAT zip) file(ARCHIVE_EXTRACT INPUT a.zip DESTINATION e) file(TIMESTAMP w t)
cmake_host_system_information(RESULT h QUERY NUMBER_OF_LOGICAL_CORES HOSTNAME TOTAL_PHYSICAL_MEMORY)
string(RANDOM q) string(TIMESTAMP t) string(UUID u NAMESPACE 6ba7b810-9dad-11d1-80b4-00c04fd430c8 NAME x TYPE SHA1) site_name(sn)
message("${o}${v}${s}${u}")
END
"$BIN" -P s.cmake 2>&1 | grep -v '^$'; "$BIN" -P /nonexistent > /dev/null 2>&1; echo $?; echo 'message(FATAL_ERROR x)' > e.cmake; "$BIN" -P e.cmake > /dev/null 2>&1; echo $?; }
w_configure() { mkdir s; printf 'cmake_minimum_required(VERSION 3.10)\nproject(p NONE)\nfile(WRITE ${CMAKE_BINARY_DIR}/made x)\nadd_custom_target(t ALL COMMAND ${CMAKE_COMMAND} -E touch done)\nconfigure_file(in out)\n' > s/CMakeLists.txt; echo '@PROJECT_NAME@' > s/in; "$BIN" -S s -B b -G Ninja > /dev/null 2>&1; echo $?; cat b/out; "$BIN" -S s -B m -G 'Unix Makefiles' > /dev/null 2>&1; echo $?; "$BIN" -LA -N b | wc -l; "$BIN" -S nothing -B x > /dev/null 2>&1; echo $?; "$BIN" --graphviz=g.dot b > /dev/null 2>&1; echo $?; }
w_build() { mkdir s; printf 'cmake_minimum_required(VERSION 3.10)\nproject(p C)\nadd_executable(x x.c)\ninstall(TARGETS x DESTINATION bin)\n' > s/CMakeLists.txt; echo 'int main(void) { return 0; }' > s/x.c; "$BIN" -S s -B b -G Ninja > /dev/null 2>&1; echo $?; "$BIN" --build b > /dev/null; echo $?; "$BIN" --install b --prefix "$PWD/i" > /dev/null; i/bin/x; echo $?; }
