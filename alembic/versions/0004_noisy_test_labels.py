"""Metrics against corrupted test labels; epochs stored before have none.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('metric', schema=None) as batch_op:
        batch_op.add_column(sa.Column('noisy_test_loss', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('noisy_test_accuracy', sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('metric', schema=None) as batch_op:
        batch_op.drop_column('noisy_test_accuracy')
        batch_op.drop_column('noisy_test_loss')
