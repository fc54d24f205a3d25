# `pricewire replay` against counts made by Python.
if(PRICEWIRE_TESTS AND NOT PRICEWIRE_SANITIZE AND TARGET pricewire)
  foreach(part recordings protocols simulated)
    add_test(NAME replay.${part} COMMAND_EXPAND_LISTS COMMAND sh -c
      "command -v python3 >/dev/null && exec python3 \"$@\" || echo 'skipped: python3 is not installed' && exit 77" sh
      ${CMAKE_SOURCE_DIR}/tests/replay/replay_test.py ${part} $<TARGET_FILE:pricewire>
      $<$<STREQUAL:${part},simulated>:$<TARGET_FILE:exchange-sim>>)
    set_tests_properties(replay.${part} PROPERTIES SKIP_RETURN_CODE 77 LABELS process)
  endforeach()
endif()
