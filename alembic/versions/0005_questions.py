"""Questions: what a run answers, whatever its engine, precision and replicate.

Figures and plans look runs up by it. `engine` is copied from the spec: workers take runs of their
own engine alone. Both are filled in from the stored specs.

Revision 0005, after 0004.
"""

import json

import sqlalchemy as sa
from alembic import op

from core.run.questions import question

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

RUN = sa.table('run', sa.column('id'), sa.column('spec'), sa.column('question'), sa.column('engine'))


def upgrade() -> None:
    # Added in place: on SQLite to make the table anew would delete what points at its rows.
    op.add_column('run', sa.Column('question', sa.String(64), nullable=False, server_default=''))
    op.add_column('run', sa.Column('engine', sa.Integer(), nullable=False, server_default='1'))
    connection = op.get_bind()
    found = connection.execute(sa.select(RUN.c.id, sa.cast(RUN.c.spec, sa.Text))).all()
    for run_id, text in found:
        spec = json.loads(text)
        values = {'question': question(spec), 'engine': spec['engine']}
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(values))
    op.create_index('ix_run_question', 'run', ['question'])


def downgrade() -> None:
    op.drop_index('ix_run_question', 'run')
    op.drop_column('run', 'engine')
    op.drop_column('run', 'question')
