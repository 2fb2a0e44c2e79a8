"""Plans of studies: a study keeps what it asked of each run, also of one that is deleted.

Until here a deleted run took its row of `study_run` with it. What is still there is filled in from
the run and from the study's demand on it. Runs that were deleted before cannot be told from here:
a study learns of them again when it is asked for again.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

RUN = 'FROM run WHERE run.id = study_run.run_id'
DEMAND = (
    'FROM demand WHERE demand.run_id = study_run.run_id '
    "AND demand.owner = 'study:' || study_run.study_id || ':' || study_run.panel"
)


def upgrade() -> None:
    with op.batch_alter_table('study_run', schema=None) as batch_op:
        batch_op.add_column(sa.Column('spec', sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column('epochs', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('stop', sa.JSON(none_as_null=True), nullable=True))
        batch_op.drop_constraint(batch_op.f('fk_study_run_run_id_run'), type_='foreignkey')

    op.execute(
        f'UPDATE study_run SET spec = (SELECT run.spec {RUN}), '
        f'epochs = (SELECT demand.epochs {DEMAND}), stop = (SELECT demand.stop {DEMAND})'
    )
    op.execute('DELETE FROM study_run WHERE spec IS NULL OR epochs IS NULL')
    with op.batch_alter_table('study_run', schema=None) as batch_op:
        batch_op.alter_column('spec', existing_type=sa.JSON(none_as_null=True), nullable=False)
        batch_op.alter_column('epochs', existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column('stop', existing_type=sa.JSON(none_as_null=True), nullable=False)


def downgrade() -> None:
    op.execute('DELETE FROM study_run WHERE run_id NOT IN (SELECT id FROM run)')
    with op.batch_alter_table('study_run', schema=None) as batch_op:
        batch_op.create_foreign_key(
            batch_op.f('fk_study_run_run_id_run'), 'run', ['run_id'], ['id'], ondelete='CASCADE'
        )
        batch_op.drop_column('stop')
        batch_op.drop_column('epochs')
        batch_op.drop_column('spec')
