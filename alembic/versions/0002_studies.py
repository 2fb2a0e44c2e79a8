"""studies

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('study',
    sa.Column('id', sa.String(length=12), nullable=False),
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('request', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('cancelled_at', sa.Double(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_study'))
    )
    with op.batch_alter_table('study', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_study_created_at'), ['created_at'], unique=False)

    op.create_table('study_run',
    sa.Column('study_id', sa.String(length=12), nullable=False),
    sa.Column('panel', sa.String(length=16), nullable=False),
    sa.Column('run_id', sa.String(length=16), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('stage', sa.Integer(), nullable=False),
    sa.Column('series', sa.Text(), nullable=False),
    sa.Column('corruption', sa.Double(), nullable=True),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_study_run_run_id_run'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['study_id'], ['study.id'], name=op.f('fk_study_run_study_id_study'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('study_id', 'panel', 'run_id', name=op.f('pk_study_run'))
    )
    with op.batch_alter_table('study_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_study_run_run_id'), ['run_id'], unique=False)


def downgrade() -> None:
    op.drop_table('study_run')
    op.drop_table('study')
