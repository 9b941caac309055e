"""Near duplicates by perceptual hash."""

from __future__ import annotations

import random

import pytest
from django.db import connection

from imaging.models import Image
from tests.factories import make_image, make_user
from tests.imaging.conftest import Receive
from tests.pictures import disc, encoded

pytestmark = pytest.mark.django_db


def signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def near(value: int, distance: int = 3) -> set[tuple[object, int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM find_near_duplicates(%s, %s)", [value, distance])
        return set(cursor.fetchall())


def test_up_to_three_bits_nothing_is_missed_and_nothing_else_is_found() -> None:
    dice = random.Random(7)
    person = make_user()
    base = dice.getrandbits(64)
    made: list[tuple[Image, int]] = []
    for flips in [0, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 5, 8, 32] * 6:
        value = base
        for bit in dice.sample(range(64), flips):
            value ^= 1 << bit
        made.append((make_image(user=person, perceptual_hash=signed(value)), flips))

    for limit in (0, 1, 2, 3, 4, 64):
        expected = {(image.pk, flips) for image, flips in made if flips <= limit}
        assert near(signed(base), limit) == expected


def test_the_search_goes_through_the_indexes() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email, password_hash) VALUES ('many@example.org', '') RETURNING id"
        )
        person = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO images (user_id, file_name, file_path, file_size, mime_type, file_hash,"
            " perceptual_hash) SELECT %s, 'x', 'x', 1, 'image/png',"
            " encode(sha256(n::text::bytea), 'hex'), hashtextextended(n::text, 1)"
            " FROM generate_series(1, 5000) n",
            [person],
        )
        cursor.execute("ANALYZE images")
        cursor.execute(
            "EXPLAIN SELECT id FROM images i WHERE ((i.perceptual_hash & 65535) = 5"
            " OR ((i.perceptual_hash >> 16) & 65535) = 5 OR ((i.perceptual_hash >> 32) & 65535) = 5"
            " OR ((i.perceptual_hash >> 48) & 65535) = 5)"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "Seq Scan" not in plan
    assert all(f"idx_images_perceptual_hash_{quarter}" in plan for quarter in range(4))


def test_marking_points_every_copy_to_the_oldest() -> None:
    person = make_user()
    first = make_image(user=person, perceptual_hash=0b1111)
    second = make_image(user=person, perceptual_hash=0b1110)
    third = make_image(user=person, perceptual_hash=0b1100)
    other = make_image(user=person, perceptual_hash=signed((1 << 64) - 1))
    without = make_image(user=person, perceptual_hash=None)

    with connection.cursor() as cursor:
        cursor.execute("SELECT mark_duplicate_images()")
        assert cursor.fetchone()[0] == 2
        cursor.execute("SELECT mark_duplicate_images()")
        assert cursor.fetchone()[0] == 0

    second.refresh_from_db()
    third.refresh_from_db()
    assert (second.duplicate_of, second.duplicate_distance) == (first, 1)
    assert (third.duplicate_of, third.duplicate_distance) == (first, 2)
    assert second.duplicate_detected_at is not None
    for image in (first, other, without):
        image.refresh_from_db()
        assert not image.is_duplicate


def test_what_a_person_dismissed_is_not_marked_again() -> None:
    person = make_user()
    make_image(user=person, perceptual_hash=5)
    settled = make_image(user=person, perceptual_hash=5)
    Image.objects.filter(pk=settled.pk).update(duplicate_dismissed_at=settled.created_at)

    with connection.cursor() as cursor:
        cursor.execute("SELECT mark_duplicate_images()")
        assert cursor.fetchone()[0] == 0


def test_a_resaved_photograph_is_marked_when_it_is_handed_in(receive: Receive) -> None:
    original = receive(encoded(disc(), quality=92), "original.jpg").image
    resaved = receive(encoded(disc(), quality=60), "resaved.jpg").image
    resaved.refresh_from_db()

    assert resaved.is_duplicate
    assert resaved.duplicate_of == original


def test_the_report_names_near_and_exact_duplicates(receive: Receive) -> None:
    receive(encoded(disc(), quality=92), "original.jpg")
    receive(encoded(disc(), quality=60), "resaved.jpg")
    receive(encoded(disc(), quality=92), "the same again.jpg")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT duplicate_kind, file_name, duplicate_of_file_name, times_handed_in"
            " FROM duplicate_images_report ORDER BY duplicate_kind"
        )
        rows = cursor.fetchall()

    assert rows == [
        ("exact", "original.jpg", "original.jpg", 2),
        ("near", "resaved.jpg", "original.jpg", None),
    ]
