#!/bin/sh
# One infusion day from scheduled to discharged, with nothing but curl: a refusal and two double checks on the way.
#
#   infusion init && infusion serve --clock simulated --clock-start 2026-11-23T06:00:00Z
#   examples/one_day.sh http://127.0.0.1:8080 admin.token
#
# The patient, the people and their PINs are invented; it may be run again on the same service while its clock has not
# passed 07:00 UTC of that day (08:00 on the ward).
set -eu

HOST=${1:?where the service answers, such as http://127.0.0.1:8080}
ADMIN=$(cat "${2:?the file with an admin token}")
RUN=$(date +%s)
COUNT=0
SIGNED_IN=
ANSWER=$(mktemp)
trap 'rm -f "$ANSWER"' EXIT

# call TOKEN METHOD PATH BODY STATUS: one call that has to be answered with STATUS; the answer is left in $ANSWER.
call() {
    status=$(curl --silent --show-error --max-time 30 --output "$ANSWER" --write-out '%{http_code}' \
        --request "$2" --header "Authorization: Bearer $1" --header 'Content-Type: application/json' \
        --data "$4" "$HOST$3")
    if [ "$status" != "$5" ]; then
        echo "FAILED: $2 $3 answered $status instead of $5: $(cat "$ANSWER")" >&2
        exit 1
    fi
}

# member NAME: a text member of the last answer.
member() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" "$ANSWER" | head -n 1; }

# new_id: sets ID to an event id nobody has used; trying something again is a new id.
new_id() {
    COUNT=$((COUNT + 1))
    ID=$(printf '%08x-0000-7000-8000-%012x' "$RUN" "$COUNT")
}

# clock HH:MM: the ward's day goes on (UTC; the ward is one hour ahead).
clock() {
    call "$ADMIN" PUT /v1/clock "{\"now\": \"2026-11-23T$1:00Z\"}" 200
    SIGNED_IN=
}

# enter NAME: sets TOKEN to a session of somebody, who signs in again once time has passed (half an hour ends it).
enter() {
    case $SIGNED_IN in
    *" $1="*)
        TOKEN=${SIGNED_IN##* "$1"=}
        TOKEN=${TOKEN%% *}
        return
        ;;
    esac
    call "$TABLET" POST /v1/sessions "{\"badge\": \"$1-$RUN\", \"pin\": \"274913\"}" 201
    TOKEN=$(member token)
    SIGNED_IN="$SIGNED_IN $1=$TOKEN"
}

# fact NAME STATUS TYPE [DATA]: NAME signs in and posts one fact.
fact() {
    enter "$1"
    new_id
    call "$TOKEN" POST "/v1/days/$DAY/events" "{\"event_id\": \"$ID\", \"type\": \"$3\", \"data\": ${4:-{\}}}" "$2"
    if [ "$2" = 201 ]; then echo "  $3 by $1: $(member state)"; else echo "  $3 by $1 REFUSED: $(member code)"; fi
}

# two_people FIRST SECOND TYPE DATA: FIRST enters it unseen, SECOND posts the fact; equal entries are accepted.
two_people() {
    enter "$1"
    new_id
    body="{\"event_id\": \"$ID\", \"day\": \"$DAY\", \"type\": \"$3\", \"data\": $4}"
    call "$TOKEN" POST /v1/double-checks "$body" 201
    echo "  $3 entered by $1 for the double check"
    fact "$2" 201 "$3" "$4"
}

# check HH:MM [befast]: a complete set of vital signs, and where it is due the BE-FAST check.
check() {
    clock "$1"
    fact nurse 201 vitals.recorded '{"systolic_mmhg": 122, "diastolic_mmhg": 76, "heart_rate_per_min": 72,
        "spo2_percent": 98, "on_oxygen": false, "spo2_scale": 1, "respiratory_rate_per_min": 16,
        "temperature_celsius": 36.8, "consciousness": "A"}'
    [ "${2:-}" != befast ] || fact nurse 201 befast.checked "$NOTHING_NEW"
}

NOTHING_NEW='{"balance": false, "eyes": false, "face": false, "arms": false, "speech": false,
    "severe_headache": false, "neck_pain": false}'

echo 'The ward gets a tablet and four people'
call "$ADMIN" POST /v1/devices "{\"device\": \"tablet-$RUN\", \"ward\": \"neuro-day\"}" 201
TABLET=$(member token)
for person in nurse:nurse colleague:nurse doctor:prescriber pharmacist:pharmacist; do
    name=${person%%:*}
    call "$ADMIN" POST /v1/staff "{\"staff\": \"$name-$RUN\", \"name\": \"The $name\", \"role\": \"${person##*:}\",
        \"badge\": \"$name-$RUN\", \"pin\": \"274913\"}" 201
done

echo 'Scheduled, screened (08:00 on the ward)'
clock 07:00
enter nurse
new_id
call "$TOKEN" POST /v1/days "{\"event_id\": \"$ID\", \"patient\": {\"id\": \"P-$RUN\"}, \"workflow\": \"alemtuzumab\",
    \"course\": 1, \"day\": 1, \"date\": \"2026-11-23\", \"ward\": \"neuro-day\", \"baseline_deficits\": [],
    \"attested_history\": []}" 201
DAY=$(member day_id)
echo "  day $DAY"
fact nurse 201 patient.checked_in '{"identity_check": "two_identifiers"}'
fact nurse 201 screening.started
fact doctor 409 screening.passed
echo "    the answer says why: $(sed 's/.*"guards" *: *//' "$ANSWER")"
items=
for item in hypersensitivity hiv severe_infection uncontrolled_hypertension arterial_dissection_history stroke_history \
    angina_or_mi_history coagulopathy antiplatelet_or_anticoagulant other_autoimmune_disease consent \
    intensive_care_access labs_in_window pregnancy_excluded herpes_prophylaxis_prescribed alert_card_explained; do
    items="$items${items:+, }{\"item\": \"$item\", \"result\": \"clear\"}"
done
fact nurse 201 checklist.recorded "{\"items\": [$items]}"
fact nurse 201 ecg.recorded '{"rhythm": "sinus", "rate_per_min": 72, "st_change": "none", "changed_from_baseline": false}'
check 07:15 befast
fact doctor 201 screening.passed

echo 'Premedicated, the bag prepared by two'
fact nurse 201 premed.given '{"class": "antihistamine", "drug": "cetirizine", "dose_mg": 10, "route": "oral"}'
fact nurse 201 premed.given '{"class": "antipyretic", "drug": "paracetamol", "dose_mg": 1000, "route": "oral"}'
fact nurse 201 premed.given '{"class": "antiviral", "drug": "aciclovir", "dose_mg": 200, "route": "oral"}'
clock 08:30
fact nurse 201 premed.given '{"class": "corticosteroid", "drug": "methylprednisolone", "dose_mg": 1000, "route": "iv",
    "started_at": "2026-11-23T07:30:00Z", "ended_at": "2026-11-23T08:30:00Z"}'
fact nurse 201 premed.completed
clock 08:40
two_people nurse pharmacist bag.prepared '{"product": "Lemtrada", "batch": "A1234", "vial_expires_on": "2027-11-30",
    "prepared_at": "2026-11-23T08:20:00Z", "diluent": "sodium_chloride_0_9", "volume_ml": 101.2, "dose_mg": 12}'

echo 'Infused over four hours, started by two'
check 08:55
clock 09:00
two_people colleague nurse infusion.started '{"rate_ml_per_h": 25.3}'
for time in 09:15 09:30 09:45; do check $time; done
for hour in 10 11 12; do
    check $hour:00 befast
    check $hour:30
done
check 13:00 befast
fact nurse 201 infusion.completed '{"volume_delivered_ml": 101.2}'

echo 'Observed for two hours, discharged'
check 13:05
check 13:35
check 14:05 befast
check 14:35
check 15:00 befast
fact nurse 201 patient.discharged '{"alert_card_given": true}'
[ "$(member state)" = discharged ] || { echo "FAILED: the day ended as $(member state)" >&2; exit 1; }
echo "Discharged. The record: GET $HOST/v1/days/$DAY/entries"
