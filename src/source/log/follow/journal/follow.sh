# Tells what the journal of the host it runs on gets, as it gets it: standard input has the cursor of the record that was
# told last, or nothing. POSIX sh; journalctl of systemd 236 or later. It writes nothing, is nice to others, and ends with the
# connection, which journalctl notices by itself.
LC_ALL=C
export LC_ALL
renice -n 10 $$ >/dev/null 2>&1
echo "stackwatch ready"
IFS= read -r cursor
echo "C $(date "+%s.%N %z")"
if ! command -v journalctl >/dev/null 2>&1; then
    echo "J there is no journalctl"
    echo "stackwatch done"
    exit 0
fi
fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_COMM,_PID,LOGGER_NAME,LOGGER_LEVEL,REQUEST_ID,USER_ID,PROJECT_ID
# What it may not see it says aside, and goes on with what it may.
said=$(journalctl --no-pager -n 0 --output-fields="$fields" 2>&1 >/dev/null | tr "\n" " ")
if [ -n "$said" ]; then printf "J %s\n" "$said"; else echo "K"; fi
# With the record that was told last: if another one comes, that one is gone, and what followed it may be.
if [ -n "$cursor" ]; then
    set -- --no-tail --cursor="$cursor"
else
    set -- -n 2000
fi
journalctl -f -q -a -o json --no-pager --output-fields="$fields" "$@"
echo "E $?"
echo "stackwatch done"
