"""What each problem of a submission means and what to do about it, in Korean: a line below the message itself."""

from collections.abc import Mapping

KOREAN: Mapping[str, str] = {
    # the file
    "archive": "압축 파일을 읽을 수 없습니다. 암호 없이 CSV 하나만 담아 다시 압축해 주세요.",
    "column_type": "Parquet 파일에 글자도 숫자도 아닌 열이 있습니다. 글자나 숫자 열로 저장해 주세요.",
    "delimiter": "칸이 쉼표로 나뉘어 있지 않습니다. 쉼표로 구분된 CSV로 저장해 주세요.",
    "empty_file": "파일이 비어 있습니다.",
    "html": "CSV가 아니라 웹 페이지입니다. 로그인 화면이나 오류 화면을 저장한 것은 아닌지 확인해 주세요.",
    "line_too_long": "한 줄이 너무 깁니다. 줄이 제대로 나뉘어 있는지 확인해 주세요.",
    "not_csv": "CSV 파일이 아닙니다.",
    "not_utf8": "UTF-8이 아닌 글자가 있습니다. 엑셀에서는 'CSV UTF-8(쉼표로 분리)'로 저장해 주세요.",
    "nul_byte": "파일에 NUL 바이트가 있습니다. 파일이 손상되었거나 텍스트가 아닙니다.",
    "quote": "따옴표가 맞지 않습니다. 닫는 따옴표가 있는지, 칸 안의 따옴표를 두 번 썼는지 확인해 주세요.",
    "too_large": "파일이 제한보다 큽니다. 테스트 id마다 한 줄씩만 넣어 주세요.",
    "utf16": "UTF-16 또는 UTF-32 파일입니다. UTF-8로 다시 저장해 주세요.",
    # its shape
    "duplicate_column": "같은 이름의 열이 두 번 이상 있습니다. 하나만 남겨 주세요.",
    "extra_column": "필요 없는 열이 있습니다. 그 열을 빼 주세요.",
    "missing_column": "필요한 열이 없습니다. sample_submission.csv의 열 이름과 똑같이 맞춰 주세요.",
    "no_header": "첫 줄은 열 이름이어야 하는데 자료가 바로 시작됩니다.",
    "ragged_row": "칸의 수가 첫 줄과 다른 줄이 있습니다.",
    "row_count": "줄 수가 맞지 않습니다. 테스트 id마다 정확히 한 줄이 있어야 합니다.",
    # ids
    "duplicate_id": "같은 id가 여러 줄에 있습니다. id마다 한 줄만 남겨 주세요.",
    "missing_id": "빠진 id가 있습니다. test.csv의 모든 id를 넣어 주세요.",
    "unknown_id": "이 대회에 없는 id가 있습니다. id는 글자 그대로 비교하므로 007과 7은 다릅니다.",
    # predictions
    "empty_cell": "빈 칸이 있습니다. 모든 칸을 채워 주세요.",
    "not_a_number": "숫자가 아닌 칸이 있습니다.",
    "not_finite": "NaN이나 무한대인 칸이 있습니다. 유한한 숫자로 바꿔 주세요.",
    "probability_range": "0과 1 사이를 벗어난 확률이 있습니다.",
    "probability_sum": "확률의 합이 1이 아닌 줄이 있습니다.",
    "unknown_label": "이 대회에 없는 레이블이 있습니다. labels.csv에 있는 레이블만 쓸 수 있습니다.",
    "wrong_mask": "마스크를 읽을 수 없는 칸이 있습니다. '시작 길이' 쌍을 순서대로 적어 주세요.",
    "wrong_ranking": "순위 목록이 잘못된 칸이 있습니다. 레이블을 빈칸으로 나누어 한 번씩만 적어 주세요.",
    # scoring
    "metric": "제출 파일에 대해 채점 함수가 알려 온 문제입니다.",
    "platform": "플랫폼 문제로 채점하지 못했습니다. 제출 횟수에서 빠지며 다시 채점됩니다.",
}
