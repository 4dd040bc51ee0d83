"""Every fixed phrase of the pages, in Korean and English, declared once."""

from grader.leaderboard.board import Bilingual

WORDS: dict[str, Bilingual] = {
    "skip": Bilingual("본문으로 건너뛰기", "Skip to the content"),
    "language": Bilingual("언어", "Language"),
    "theme": Bilingual("밝게 / 어둡게", "Light / dark"),
    "sections": Bilingual("이 페이지의 내용", "On this page"),
    "competitions": Bilingual("대회", "Competitions"),
    "all_competitions": Bilingual("모든 대회", "All competitions"),
    "leaderboard": Bilingual("리더보드", "Leaderboard"),
    "Public": Bilingual("공개 (Public)", "Public"),
    "Private": Bilingual("비공개 (Private)", "Private"),
    "progress": Bilingual("점수의 흐름", "Progress"),
    "about": Bilingual("대회 안내", "About"),
    "evaluation": Bilingual("채점", "Scoring"),
    "rules": Bilingual("제한과 형식", "Limits and format"),
    # key figures
    "higher": Bilingual("높을수록 좋음", "higher is better"),
    "lower": Bilingual("낮을수록 좋음", "lower is better"),
    "best": Bilingual("최고 점수", "Best score"),
    "teams": Bilingual("팀", "Teams"),
    "submissions": Bilingual("제출", "Submissions"),
    "budget": Bilingual("제한 시간", "Budget"),
    "per_run": Bilingual("실행 1회당", "per run"),
    "closes": Bilingual("마감", "Closes"),
    "closed": Bilingual("마감됨", "Closed"),
    # the board
    "rank": Bilingual("순위", "Rank"),
    "team": Bilingual("팀", "Team"),
    "score": Bilingual("점수", "Score"),
    "interval": Bilingual("95% 구간", "95% interval"),
    "run_time": Bilingual("실행 시간", "Run time"),
    "last": Bilingual("최근 제출", "Last submission"),
    "movement": Bilingual("순위 변동", "Movement"),
    "up": Bilingual("상승", "up"),
    "down": Bilingual("하락", "down"),
    "same": Bilingual("변동 없음", "unchanged"),
    "baseline": Bilingual("기준", "baseline"),
    "unranked": Bilingual("순위 없음", "not ranked"),
    "find_team": Bilingual("팀 찾기", "Find a team"),
    "no_match": Bilingual("이 이름의 팀이 없습니다.", "No team has this name."),
    "sorted_hint": Bilingual("열 제목을 누르면 정렬됩니다", "Press a column head to sort"),
    "empty_title": Bilingual("아직 점수를 받은 제출이 없습니다", "No submission has a score yet"),
    "empty_text": Bilingual(
        "첫 제출이 채점되면 이곳에 나타납니다. 내 컴퓨터에서 먼저 확인하려면:",
        "The first one appears here as soon as it is scored. To look at yours beforehand:",
    ),
    "failed": Bilingual("점수를 받지 못한 제출", "Submissions without a score"),
    "failed_text": Bilingual("순위에 들어가지 않습니다.", "They are not ranked."),
    "tie_rule": Bilingual(
        "순위는 반올림하지 않은 점수로 매기며, 점수가 같으면 먼저 제출한 팀이 앞섭니다.",
        "Ranks use the unrounded score; of two equal scores the earlier submission leads.",
    ),
    "interval_rule": Bilingual(
        "옅은 선은 95% 구간입니다. 두 팀의 구간이 크게 겹치면 순위 차이가 우연일 수 있습니다.",
        "The pale line is the 95% interval. Where the lines of two teams overlap much, their order may be chance.",
    ),
    # charts
    "chart_time": Bilingual("시간에 따른 최고 점수", "Best score so far"),
    "chart_time_text": Bilingual(
        "상위 {count}팀의 최고 점수 변화입니다. 회색 점은 다른 모든 제출입니다.",
        "How the best score of the top {count} rose. Gray dots are all other submissions.",
    ),
    "chart_time_text_one": Bilingual(
        "최고 점수의 변화입니다. 회색 점은 다른 모든 제출입니다.",
        "How the best score came about. Gray dots are all other submissions.",
    ),
    "chart_budget": Bilingual("점수와 실행 시간", "Score against run time"),
    "chart_budget_text": Bilingual(
        "점 하나가 한 팀입니다. 왼쪽 위일수록 짧은 시간에 좋은 점수를 냈습니다.",
        "A dot is a team. The farther to the left, the less time its kernel took.",
    ),
    "outside": Bilingual(
        "범위를 벗어난 {count}개는 가장자리에 그렸습니다.",
        "{count} beyond the scale lie on its edge.",
    ),
    "no_history": Bilingual(
        "제출이 쌓이면 이곳에 그래프가 나타납니다.", "Charts appear here once there are submissions."
    ),
    "axis_run": Bilingual("실행 시간 (분:초)", "run time (min:s)"),
    "axis_budget": Bilingual("제한 시간", "budget"),
    "axis_utc": Bilingual("시각 (UTC)", "time (UTC)"),
    # evaluation
    "public_part": Bilingual(
        "공개(Public) 점수는 숨겨진 정답의 일부로만 계산하며 바로 공개합니다.",
        "The Public score uses one part of the hidden labels and is shown at once.",
    ),
    "private_part": Bilingual(
        "비공개(Private) 점수는 나머지 정답으로 계산하며 마감 뒤에 공개합니다. 최종 순위는 이 점수로 정합니다.",
        "The Private score uses the rest. It is shown after the close and decides the final ranks.",
    ),
    "part_rows": Bilingual(
        "이 리더보드의 {split} 점수는 테스트 {all}행 가운데 {part}행으로 계산했습니다.",
        "The {split} scores here are measured on {part} of {all} test rows.",
    ),
    "part_rows_only": Bilingual(
        "이 리더보드의 {split} 점수는 테스트 {part}행으로 계산했습니다.",
        "The {split} scores here are measured on {part} test rows.",
    ),
    "also_reported": Bilingual("함께 보고하는 지표", "Also reported"),
    # rules
    "rule_budget": Bilingual("커널 실행 시간", "Time of a kernel run"),
    "rule_budget_value": Bilingual("최대 {time}", "at most {time}"),
    "rule_daily": Bilingual("하루 제출 횟수", "Submissions a day"),
    "rule_daily_value": Bilingual("24시간에 {count}회", "{count} in any 24 hours"),
    "rule_daily_none": Bilingual("제한 없음", "no limit"),
    "rule_finals": Bilingual("최종 제출", "Final submissions"),
    "rule_finals_value": Bilingual("팀마다 {count}개 선택", "each team selects {count}"),
    "rule_opens": Bilingual("시작", "Opens"),
    "rule_form": Bilingual("제출 형식", "Submission format"),
    "rule_labels": Bilingual("클래스", "Classes"),
    "form_labels": Bilingual(
        "CSV 파일의 열: {id}, {target}. 행마다 답 하나", "CSV with the columns {id}, {target}: one answer a row"
    ),
    "form_values": Bilingual(
        "CSV 파일의 열: {id}, {target}. 행마다 숫자 하나", "CSV with the columns {id}, {target}: one number a row"
    ),
    "form_probabilities": Bilingual(
        "CSV 파일의 열: {id} 그리고 클래스마다 확률 한 열",
        "CSV with the column {id} and one column of probabilities a class",
    ),
    "form_rankings": Bilingual(
        "CSV 파일의 열: {id}, {target}. 행마다 공백으로 나눈 순위 목록",
        "CSV with the columns {id}, {target}: a list in order of rank, divided by spaces",
    ),
    "form_masks": Bilingual(
        "CSV 파일의 열: {id}, {target}. 행마다 런렝스 마스크 하나",
        "CSV with the columns {id}, {target}: a run-length mask a row",
    ),
    # foot
    "generated": Bilingual("만든 시각", "Made"),
    "your_zone": Bilingual("시각은 이 컴퓨터의 시간대로 보입니다.", "Times are in the time zone of this computer."),
    "machine": Bilingual("데이터로 받기", "As data"),
    "no_competitions": Bilingual("아직 대회가 없습니다.", "There is no competition yet."),
}
